import type { SessionView } from "@wanhui/protocol";
import { HttpProblem } from "./http.ts";
import type { ClientOptions } from "./options.ts";

export type SignInParts = {
  readonly options: Pick<ClientOptions, "baseUrl" | "token" | "bearer" | "platformToken" | "fetchTicket">;
  readonly post: (body: Readonly<Record<string, unknown>>) => Promise<SessionView>;
  readonly signedIn: (session: SessionView) => void;
  /** The platform's token was refused; the visit goes on without it. */
  readonly refused: (code: string) => void;
};

/** Who this client is to the server: signs in once, and anew after `forget`. */
export class SignIn {
  readonly #parts: SignInParts;
  readonly #bearer: boolean;
  #session: SessionView | null = null;
  #token: string | null;
  /** A token to be used once; null when `platformToken` is asked for one, or nobody is. */
  #once: string | null;
  /** Counts sign-ins: the answer to an earlier one is nobody's any more. */
  #life = 0;

  constructor(parts: SignInParts) {
    const { token, bearer, baseUrl, platformToken } = parts.options;
    this.#parts = parts;
    this.#token = token ?? null;
    this.#bearer = bearer ?? isForeign(baseUrl);
    this.#once = typeof platformToken === "string" ? platformToken : null;
  }

  get session(): SessionView | null {
    return this.#session;
  }
  get token(): string | null {
    return this.#token;
  }

  /** Signs in, unless that is done or somebody else's business. @throws HttpProblem, or what `platformToken` throws */
  async ensure(): Promise<void> {
    const { token, fetchTicket } = this.#parts.options;
    if (this.#session !== null || token !== undefined || fetchTicket !== undefined) return;
    const life = this.#life;
    const session = await this.#ask(await this.#platformToken());
    if (life !== this.#life) return;
    this.#once = null;
    this.#session = session;
    this.#token = session.token ?? null;
    this.#parts.signedIn(session);
  }

  /** The sign-in has ended, or another one is wished for. @param platformToken of the next one */
  forget(platformToken?: string): void {
    if (this.#parts.options.token !== undefined) return;
    this.#life += 1;
    this.#session = null;
    this.#token = null;
    this.#once = platformToken ?? this.#once;
  }

  async #platformToken(): Promise<string | null> {
    const { platformToken } = this.#parts.options;
    return this.#once ?? (typeof platformToken === "function" ? await platformToken() : null);
  }

  async #ask(platformToken: string | null): Promise<SessionView> {
    const body = this.#bearer ? { bearer: true } : {};
    if (platformToken === null) return this.#parts.post(body);
    try {
      return await this.#parts.post({ ...body, platformToken });
    } catch (error) {
      const code = error instanceof HttpProblem ? error.code : "";
      // Keys that cannot be fetched and networks that are gone pass; what is refused is refused again.
      if (!["auth.invalid", "auth.expired", "body.invalid"].includes(code)) throw error;
      this.#parts.refused(code);
      return this.#parts.post(body);
    }
  }
}

/** Whether this is a page of another origin than the server's: cookies may not reach it, a token does. */
function isForeign(baseUrl: string): boolean {
  const origin = globalThis.location?.origin;
  return origin !== undefined && new URL(baseUrl).origin !== origin;
}
