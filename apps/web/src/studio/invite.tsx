import type { Problem } from "@wanhui/protocol";
import { type FormEvent, useState } from "react";
import { copyText } from "../shared/copy.ts";
import { ask } from "../shared/http.ts";
import { useDesk } from "./context.tsx";
import { Dialog } from "./dialog.tsx";
import { Trouble } from "./trouble.tsx";

type Role = "host" | "operator" | "auditor";
const ROLES: readonly Role[] = ["host", "operator", "auditor"];
type Invite = { readonly url: string; readonly expiresAtMs: number };

/** Makes a one-time link for a colleague. */
export function InviteDialog({ onClose }: { readonly onClose: () => void }) {
  const { words, format } = useDesk();
  const [role, setRole] = useState<Role>("host");
  const [invite, setInvite] = useState<Invite | null>(null);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [copied, setCopied] = useState(false);
  const onSubmit = async (event: FormEvent) => {
    event.preventDefault();
    const answer = await ask<Invite>("/api/studio/invites", { method: "POST", body: { role } });
    setProblem(answer.ok ? null : answer.problem);
    if (answer.ok) setInvite(answer.value);
  };
  const copy = async () => {
    // Where no copying is allowed the link stays selectable text.
    setCopied(await copyText(invite?.url ?? ""));
  };
  return (
    <Dialog title={words.invite.title} onClose={onClose}>
      <p>{words.invite.lead}</p>
      {invite === null ? (
        <form onSubmit={onSubmit}>
          <fieldset className="field">
            <legend>{words.invite.role}</legend>
            {ROLES.map((each) => (
              <label key={each} className="radio">
                <input type="radio" name="role" checked={role === each} onChange={() => setRole(each)} />
                {words.invite.roles[each]}
              </label>
            ))}
          </fieldset>
          <Trouble problem={problem} />
          <p className="dialog-acts">
            <button type="submit" className="button primary">
              {words.invite.make}
            </button>
            <button type="button" className="button" onClick={onClose}>
              {words.cancel}
            </button>
          </p>
        </form>
      ) : (
        <>
          <p>
            <code className="link-code">{invite.url}</code>
          </p>
          <p className="soft">{words.invite.until(format.moment(invite.expiresAtMs))}</p>
          <p className="dialog-acts">
            <button type="button" className="button primary" onClick={copy}>
              {copied ? words.invite.copied : words.invite.copy}
            </button>
            <button type="button" className="button" onClick={onClose}>
              {words.cancel}
            </button>
          </p>
        </>
      )}
    </Dialog>
  );
}
