import { type FileHandle, mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { errorCode } from "../../platform/mod.ts";
import type { SandboxNotice, SandboxPayment } from "./state.ts";

type Line =
  | { readonly kind: "payment"; readonly payment: SandboxPayment }
  | { readonly kind: "notice"; readonly place: string; readonly notice: SandboxNotice }
  | { readonly kind: "sent"; readonly place: string };

/** Lines beyond the living ones before the file is written anew at the start. */
const DEAD_LINES_MAX = 10_000;

/**
 * The sandbox's own memory: one file of JSON lines, appended and synced before anything is answered, so that it
 * survives a kill at any moment. The shop's database knows nothing of it.
 */
export class SandboxStore {
  readonly #file: string;
  readonly #payments = new Map<string, SandboxPayment>();
  readonly #byOrder = new Map<string, string>();
  readonly #notices = new Map<string, SandboxNotice>();
  #handle: FileHandle | null = null;
  #writing: Promise<void> = Promise.resolve();
  /** A write failed: memory runs ahead of the disk, so nothing is answered any more until the next start. */
  #failure: unknown = null;

  constructor(file: string) {
    this.#file = file;
  }

  /** Reads the file. A last line cut off by a kill was never answered and is dropped. */
  async open(): Promise<void> {
    await mkdir(dirname(this.#file), { recursive: true, mode: 0o700 });
    const text = await readFile(this.#file, "utf8").catch((error: unknown) => {
      if (errorCode(error) === "ENOENT") return "";
      throw error;
    });
    const lines = text.split("\n");
    const cut = lines.pop() ?? "";
    for (const line of lines) if (line !== "") this.#apply(JSON.parse(line) as Line);
    if (cut !== "" || lines.length > this.#payments.size + this.#notices.size + DEAD_LINES_MAX) {
      await this.#rewrite();
    }
    this.#handle = await open(this.#file, "a", 0o600);
  }

  async close(): Promise<void> {
    await this.#writing.catch(() => undefined);
    await this.#handle?.close();
    this.#handle = null;
  }

  payment(paymentId: string): SandboxPayment | null {
    return this.#payments.get(paymentId) ?? null;
  }

  paymentOfOrder(orderId: string): SandboxPayment | null {
    const paymentId = this.#byOrder.get(orderId);
    return paymentId === undefined ? null : this.payment(paymentId);
  }

  /** Resolves when everything said so far is on disk; what was read before may be answered after. */
  flushed(): Promise<void> {
    return this.#writing;
  }

  /** Notices still to be sent, by their place in the queue (the same notice can stand there twice). */
  notices(): ReadonlyMap<string, SandboxNotice> {
    return this.#notices;
  }

  /**
   * Changes a payment and queues its notices in one write. The memory changes at once, so that of two presses in one
   * moment the second sees the first; the promise resolves when the disk has it.
   */
  save(payment: SandboxPayment, notices: readonly SandboxNotice[] = []): Promise<void> {
    const lines: Line[] = [{ kind: "payment", payment }];
    for (const [at, notice] of notices.entries()) {
      lines.push({ kind: "notice", place: `${notice.noticeId}/${at}`, notice });
    }
    return this.#append(lines);
  }

  retryLater(place: string, notice: SandboxNotice): Promise<void> {
    return this.#append([{ kind: "notice", place, notice }]);
  }

  sent(place: string): Promise<void> {
    return this.#append([{ kind: "sent", place }]);
  }

  #apply(line: Line): void {
    if (line.kind === "payment") {
      this.#payments.set(line.payment.paymentId, line.payment);
      this.#byOrder.set(line.payment.orderId, line.payment.paymentId);
    } else if (line.kind === "notice") this.#notices.set(line.place, line.notice);
    else this.#notices.delete(line.place);
  }

  #append(lines: readonly Line[]): Promise<void> {
    for (const line of lines) this.#apply(line);
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join("");
    const written = this.#writing.then(async () => {
      if (this.#failure !== null) throw this.#failure;
      if (this.#handle === null) throw new Error("The sandbox is closed");
      try {
        await this.#handle.appendFile(text);
        await this.#handle.datasync();
      } catch (error) {
        this.#failure = error;
        throw error;
      }
    });
    written.catch(() => undefined);
    this.#writing = written;
    return written;
  }

  async #rewrite(): Promise<void> {
    const lines: Line[] = [...this.#payments.values()].map((payment) => ({ kind: "payment", payment }));
    for (const [place, notice] of this.#notices) lines.push({ kind: "notice", place, notice });
    const handle = await open(`${this.#file}.new`, "w", 0o600);
    await handle.writeFile(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    await handle.sync();
    await handle.close();
    await rename(`${this.#file}.new`, this.#file);
  }
}
