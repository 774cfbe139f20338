import type { Sha256 } from "./bytes.ts";
import { fromHex, toHex } from "./bytes.ts";
import { hashJson, type Json } from "./canonical.ts";
import type { ChainFacts } from "./chains.ts";
import { Course, checkRules } from "./course.ts";
import { compareHeard, type Heard, ReceiptBook } from "./evidence.ts";
import {
  armShape,
  closeShape,
  drawShape,
  entriesShape,
  footShape,
  forfeitShape,
  gapShape,
  headShape,
  type Line,
  type Rules,
  rulesShape,
  type SealHeader,
  sealShape,
  stopShape,
  winnersShape,
  witnessShape,
} from "./shapes.ts";
import { areBeacons, type BeaconValue, isBeacon, isSigned } from "./signatures.ts";
import {
  type Counts,
  demand,
  type HeardVerdict,
  type Level,
  type ReceiptVerdict,
  Rejected,
  type SealedCode,
  type Verdict,
} from "./verdict.ts";
import { WindowCheck } from "./window-check.ts";

/** Beacons checked by one pairing; more would save nothing and name a forged one later. */
const beaconBatch = 64;
const headLine = 1;
const levelRank = { dev: 0, beacon: 1, "beacon+witness": 2 } as const;

type Sealed = { readonly header: SealHeader; readonly hash: string };
/** What must be remembered of a sealed window until the end. */
type WindowNote = { readonly window: number; drawn: boolean; covered: boolean; witnessed: boolean };
type Award = { readonly userKey: string; readonly window: number; forfeited: boolean };
type PendingBeacon = BeaconValue & { readonly line: number };

/** Parts of a file in their order (PF2). */
const stages = ["head", "rules", "arm", "chain", "closed", "witness", "forfeit", "end"] as const;
type Stage = (typeof stages)[number];

/** VF2. */
export type Sealing = Pick<Verdict, "sealedBeforeSeed" | "sealedCode" | "sealedReason" | "windowsUncovered">;

/** What follows from a whole file. */
export type Outcome = {
  readonly level: Level | null;
  readonly sealed: Sealing;
  readonly receipts: readonly ReceiptVerdict[];
  readonly heard: readonly HeardVerdict[];
};

/** Checks the lines of a proof one after the other (VF1). Knows nothing of bytes, files or hashes of lines. */
export class ProofCheck {
  readonly #sha256: Sha256;
  readonly #known: readonly ChainFacts[];
  readonly #heard: readonly Heard[];
  readonly #receipts: ReceiptBook;
  #stage: Stage = "head";
  #line = 0;
  #head: ReturnType<typeof headShape> | undefined;
  #rules: Rules | undefined;
  #rulesHash = "";
  #course: Course | undefined;
  #lastSeal: Sealed | undefined;
  #open: WindowCheck | undefined;
  /** A sealed window without its draw: every later one is undrawn too (DR14). */
  #undrawn: number | undefined;
  readonly #windows = new Map<string, WindowNote>();
  readonly #records = new Set<string>();
  readonly #wins = new Map<string, number>();
  readonly #awards = new Map<string, Award>();
  /** Keys that won in the open window; they count towards the cap from the next one on. */
  readonly #winning = new Set<string>();
  readonly #witnessed = new Set<string>();
  #beacons: PendingBeacon[] = [];
  #entries = 0;
  #skipped = 0;
  #drawn = 0;
  #forfeits = 0;

  constructor(options: {
    sha256: Sha256;
    knownChains: readonly ChainFacts[];
    heard: readonly Heard[];
    receipts: readonly Json[];
  }) {
    this.#sha256 = options.sha256;
    this.#known = options.knownChains;
    this.#heard = options.heard;
    this.#receipts = new ReceiptBook(options.receipts);
  }

  get head(): { readonly draw: string; readonly show: string; readonly run: string } | undefined {
    return this.#head;
  }
  get title(): string | null {
    return this.#rules?.title ?? null;
  }
  get final(): boolean {
    return this.#course?.closed ?? false;
  }
  get counts(): Omit<Counts, "lines" | "bytes"> {
    return {
      windowsSealed: this.#windows.size,
      windowsDrawn: this.#drawn,
      windowsSkipped: this.#skipped,
      entries: this.#entries,
      units: this.#course?.units ?? 0,
      winners: this.#awards.size,
      forfeits: this.#forfeits,
      witnessSignatures: this.#witnessed.size,
    };
  }

  /** Checks the next line. `previous` is the hash of the line before it. */
  line(line: Line, previous: string): void {
    this.#line = line.n + 1;
    const { kind, body } = line;
    const course = this.#course;
    if (course === undefined) this.#readBeginning(kind, body);
    else if (kind === "entries") this.#readEntries(body);
    else if (kind === "winners") this.#readWinners(body);
    else {
      demand(this.#open === undefined, "PF2", "kind", `window ${this.#open?.window} is not complete yet`);
      if (kind === "draw") this.#readDraw(body, course);
      else {
        this.#lastSeal = undefined;
        this.#readRecord({ line, previous, course });
      }
    }
  }

  #readBeginning(kind: Line["kind"], body: Json): void {
    demand(kind === this.#stage, "PF2", "kind", `the ${this.#stage} comes here`);
    if (kind === "head") this.#readHead(body);
    else if (kind === "rules") this.#readRules(body);
    else this.#readArm(body);
  }

  #readRecord({ line, previous, course }: { line: Line; previous: string; course: Course }): void {
    const { kind, body } = line;
    if (kind === "witness") this.#readWitness(body, course);
    else if (kind === "forfeit") this.#readForfeit(body, course);
    else if (kind === "foot") this.#readFoot(body, course, { previous, n: line.n });
    else {
      demand(this.#stage === "chain", "PF2", "kind", `a ${kind} has no place here`);
      if (kind === "seal") this.#readSeal(body, course);
      else if (kind === "gap") this.#readGap(body, course);
      else if (kind === "stop") this.#readStop(body, course);
      else if (kind === "close") this.#readClose(body, course);
      else throw new Rejected("PF2", "kind", `a second ${kind}`);
    }
  }

  /** To be called after the last line, and before a failure is told: a forged beacon further up comes first. */
  settleBeacons(): void {
    const waiting = this.#beacons;
    this.#beacons = [];
    const key = this.#course?.arm.beacon.publicKey;
    if (key === undefined || areBeacons(waiting, key)) return;
    for (const beacon of waiting) {
      if (isBeacon(beacon, key)) continue;
      const message = `not the signature of round ${beacon.round} under the key of the arm record`;
      throw new Rejected("DR15", "body.beaconSignature", message, beacon.line);
    }
  }

  /** VF2 and what the checker brought. @throws Rejected when that and the file cannot both be true */
  outcome(): Outcome {
    demand(this.#stage === "end", "PF2", "", "the file has no foot: it is not whole");
    const course = this.#course;
    const rules = this.#rules;
    demand(course !== undefined && rules !== undefined, "PF2", "", "the file is not whole");
    const heard = this.#heard.map((one) =>
      compareHeard(one, {
        draw: rules.draw,
        showKey: rules.showKey,
        nextWindow: course.nextWindow,
        stopped: course.stopFrom !== null,
        final: course.closed,
        has: (hash) => this.#records.has(hash),
        dueMs: (hash) => this.#dueMs(hash),
      }),
    );
    for (const { hash, status } of heard) {
      const note = this.#windows.get(hash);
      if (note !== undefined && status === "matches") note.covered = true;
    }
    const receipts = this.#receipts.verdicts(course.closed);
    return { level: this.#level(), sealed: this.#sealedBefore(), receipts, heard };
  }

  #to(stage: Stage, from: readonly Stage[]): void {
    demand(from.includes(this.#stage), "PF2", "kind", `out of place: after ${this.#stage}`);
    this.#stage = stage;
  }

  #readHead(body: Json): void {
    this.#stage = "rules";
    this.#head = headShape(body, "body");
  }

  #readRules(body: Json): void {
    this.#stage = "arm";
    const rules = rulesShape(body, "body");
    demand(rules.draw === this.#head?.draw, "PF1", "body.draw", "another draw than the head names");
    checkRules(rules);
    this.#rules = rules;
    this.#rulesHash = hashJson(body, this.#sha256);
    this.#receipts.check({ showKey: rules.showKey, draw: rules.draw, sha256: this.#sha256 });
  }

  #readArm(body: Json): void {
    this.#stage = "chain";
    const { record, signature } = armShape(body, "body");
    const rules = this.#rules;
    demand(rules !== undefined, "PF2", "kind", "the rules come first");
    this.#demandSigned(record as Json, signature, rules);
    const course = new Course({ rules, rulesHash: this.#rulesHash, arm: record, sha256: this.#sha256 });
    const claims = this.#known.find(({ chainHash }) => chainHash === record.beacon.chainHash);
    for (const [field, fact] of Object.entries(claims ?? {})) {
      const right = fact === record.beacon[field as keyof ChainFacts];
      demand(right, "BC1", `body.record.beacon.${field}`, "not what the chain of this hash is known to have");
    }
    this.#course = course;
    const beyond = levelRank[this.#head?.level ?? "dev"] > levelRank[this.#chainLevel()];
    if (beyond) throw new Rejected("PF3", "body.level", "the beacon is not a known public one", headLine);
  }

  #readSeal(body: Json, course: Course): void {
    const { header, signature } = sealShape(body, "body");
    const hash = course.seal(header);
    this.#demandSigned(header as Json, signature, course.rules);
    this.#windows.set(hash, { window: header.window, drawn: false, covered: false, witnessed: false });
    this.#records.add(hash);
    this.#receipts.sealed(header.window);
    this.#entries += header.parts[0]?.count ?? 0;
    this.#undrawn ??= header.window;
    this.#lastSeal = { header, hash };
  }

  #readDraw(body: Json, course: Course): void {
    const draw = drawShape(body, "body");
    const seal = this.#lastSeal;
    demand(seal !== undefined, "PF2", "kind", "a draw stands right after its seal");
    const { header, hash } = seal;
    demand(draw.window === header.window, "DR15", "body.window", "another window than the seal's");
    demand(this.#undrawn === header.window, "DR14", "body.window", `window ${this.#undrawn} is drawn first`);
    demand(draw.round === header.round, "DR15", "body.round", `the seal names round ${header.round}`);
    const randomness = toHex(this.#sha256(fromHex(draw.beaconSignature)));
    demand(
      draw.randomness === randomness,
      "DR15",
      "body.randomness",
      "not the hash of the beacon's signature",
    );
    const units = course.releasedUnits - this.#awards.size;
    demand(draw.units === units, "DR14", "body.units", `${units} units are to be drawn here`);
    this.#beacons.push({ line: this.#line, round: draw.round, signature: draw.beaconSignature });
    if (this.#beacons.length === beaconBatch) this.settleBeacons();
    this.#lastSeal = undefined;
    this.#open = new WindowCheck({
      header,
      sealHash: hash,
      draw,
      line: this.#line,
      sha256: this.#sha256,
      capped: this.#capped(course.rules.capPerUser),
      onKey: this.#receipts.reader(header.window),
    });
    this.#finishWindow();
  }

  /** Keys that have all the wins one person may have in this draw; nobody has before the first winner. */
  #capped(capPerUser: number): (userKey: string) => boolean {
    if (this.#wins.size === 0) return () => false;
    return (userKey) => (this.#wins.get(userKey) ?? 0) >= capPerUser;
  }

  #readEntries(body: Json): void {
    const wanted = this.#open?.wantsEntries === true;
    demand(this.#open !== undefined && wanted, "DR10", "kind", "no keys are missing here");
    this.#open.entries(entriesShape(body, "body"));
    this.#finishWindow();
  }

  #readWinners(body: Json): void {
    demand(this.#open?.wantsEntries !== true, "DR10", "kind", "the seal counts more entries than stand here");
    const wanted = this.#open?.wantsWinners === true;
    demand(this.#open !== undefined && wanted, "DR17", "kind", "no winners are missing here");
    const { window, winners } = winnersShape(body, "body");
    this.#open.winners({ window, winners });
    for (const { awardId, userKey } of winners) {
      this.#awards.set(awardId, { userKey, window, forfeited: false });
      this.#winning.add(userKey);
    }
    this.#finishWindow();
  }

  #finishWindow(): void {
    const open = this.#open;
    if (open === undefined || open.wantsEntries || open.wantsWinners) return;
    for (const userKey of this.#winning) this.#wins.set(userKey, (this.#wins.get(userKey) ?? 0) + 1);
    this.#receipts.drawn(open.window, (userKey) => this.#winning.has(userKey));
    this.#winning.clear();
    const note = this.#windows.get(open.sealHash);
    if (note !== undefined) note.drawn = true;
    this.#drawn++;
    this.#undrawn = undefined;
    this.#open = undefined;
  }

  #readGap(body: Json, course: Course): void {
    const { record, signature } = gapShape(body, "body");
    this.#records.add(course.gap(record));
    this.#demandSigned(record as Json, signature, course.rules);
    this.#skipped += record.toWindow - record.fromWindow + 1;
  }

  #readStop(body: Json, course: Course): void {
    const { record, signature } = stopShape(body, "body");
    this.#records.add(course.stop(record));
    this.#demandSigned(record as Json, signature, course.rules);
  }

  #readClose(body: Json, course: Course): void {
    const { record, signature } = closeShape(body, "body");
    demand(this.#undrawn === undefined, "DR16", "kind", `window ${this.#undrawn} is sealed and not drawn`);
    this.#records.add(course.close(record, this.#awards.size));
    this.#demandSigned(record as Json, signature, course.rules);
    this.#stage = "closed";
  }

  #readWitness(body: Json, course: Course): void {
    this.#to("witness", ["chain", "closed", "witness"]);
    const { name, publicKey, sealHash, heardAtMs, signature } = witnessShape(body, "body");
    const { witnesses } = course.rules;
    const declared = witnesses.some((one) => one.name === name && one.publicKey === publicKey);
    demand(declared, "WT1", "body.publicKey", "not a witness the rules declare");
    const note = this.#windows.get(sealHash);
    demand(note !== undefined, "WT1", "body.sealHash", "not a seal of this file");
    const once = `${sealHash} ${publicKey}`;
    demand(!this.#witnessed.has(once), "WT1", "body", "the same witness signed this seal further up");
    const statement = { version: "wanhui/witness/1", sealHash, heardAtMs };
    demand(isSigned(statement, signature, publicKey), "WT1", "body.signature", "not the witness's signature");
    this.#witnessed.add(once);
    if (heardAtMs >= course.dueMs(note.window)) return;
    note.covered = true;
    note.witnessed = true;
  }

  #readForfeit(body: Json, course: Course): void {
    this.#to("forfeit", ["chain", "closed", "witness", "forfeit"]);
    const forfeit = forfeitShape(body, "body");
    const award = this.#awards.get(forfeit.awardId);
    demand(award !== undefined, "AW4", "body.awardId", "no such award in this file");
    demand(award.userKey === forfeit.userKey, "AW4", "body.userKey", "another key won this award");
    demand(award.window === forfeit.window, "AW4", "body.window", "won in another window");
    demand(!award.forfeited, "AW1", "body.awardId", "forfeited a second time");
    demand(forfeit.reason.trim() !== "", "AW4", "body.reason", "a forfeit has a reason");
    const early = forfeit.atMs < course.dueMs(award.window);
    demand(!early, "AW1", "body.atMs", "forfeited before it could be won");
    award.forfeited = true;
    this.#forfeits++;
  }

  #readFoot(body: Json, course: Course, at: { readonly previous: string; readonly n: number }): void {
    this.#to("end", ["chain", "closed", "witness", "forfeit"]);
    const foot = footShape(body, "body");
    demand(foot.lines === at.n + 1, "PF2", "body.lines", `the file has ${at.n + 1} lines`);
    demand(foot.sha256 === at.previous, "PF2", "body.sha256", "not the hash of the line before");
    this.#demandSigned(body, foot.signature, course.rules, "PF2", "body.signature");
    const beyond = levelRank[foot.level] > levelRank[this.#level() ?? "dev"];
    demand(!beyond, "PF3", "body.level", `the level is ${this.#level()}`);
  }

  #demandSigned(body: Json, signature: string, rules: Rules, rule = "BY10", field = "body.signature"): void {
    const record = body as { readonly [key: string]: Json };
    demand(isSigned(record, signature, rules.showKey), rule, field, "not signed by the show's key");
  }

  #dueMs(sealHash: string): number | undefined {
    const note = this.#windows.get(sealHash);
    return note === undefined ? undefined : this.#course?.dueMs(note.window);
  }

  #chainLevel(): "dev" | "beacon" {
    const chainHash = this.#course?.arm.beacon.chainHash;
    return this.#known.some((known) => known.chainHash === chainHash) ? "beacon" : "dev";
  }

  /** PF3. */
  #level(): Level | null {
    if (this.#course === undefined) return null;
    if (this.#chainLevel() === "dev") return "dev";
    const drawn = [...this.#windows.values()].filter((note) => note.drawn);
    return drawn.length > 0 && drawn.every((note) => note.witnessed) ? "beacon+witness" : "beacon";
  }

  #sealedBefore(): Sealing {
    const drawn = [...this.#windows.values()].filter((note) => note.drawn);
    const dev = this.#chainLevel() === "dev";
    // Nothing covers a window whose seed somebody knew beforehand (FA4).
    const open = drawn.filter((note) => dev || !note.covered);
    const windowsUncovered = open.length;
    const no = (sealedCode: SealedCode, sealedReason: string) => ({
      sealedBeforeSeed: "not shown" as const,
      sealedCode,
      sealedReason,
      windowsUncovered,
    });
    if (dev) {
      const why = "the beacon is not a known public one: whoever holds its key knows every seed beforehand";
      return no("dev_beacon", why);
    }
    if (drawn.length === 0) return no("nothing_drawn", "no window is drawn yet");
    if (open.length > 0) {
      const list = open.length === drawn.length ? "any window" : `${open.length} of ${drawn.length} windows`;
      return no("uncovered", `no witness's signature and nothing you heard covers ${list}`);
    }
    return {
      sealedBeforeSeed: "yes",
      sealedCode: "covered",
      windowsUncovered,
      sealedReason: `each of ${drawn.length} drawn windows was heard by a witness or by you before its seed was due`,
    };
  }
}
