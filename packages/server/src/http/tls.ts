import { X509Certificate } from "node:crypto";
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import qrcode from "qrcode";
import { generate } from "selfsigned";
import { errorCode, errorMessage, Fault } from "../platform/mod.ts";
import { ownHosts } from "./origins.ts";

/** Key and certificate in PEM. `generated` certificates make browsers ask once; phones then allow motion sensors. */
export type Tls = { readonly key: string; readonly cert: string; readonly generated: boolean };

/** Browsers refuse server certificates that live longer than 398 days; below this many left a new one is made. */
const CERTIFICATE_DAYS = 397;
const RENEW_BEFORE_MS = 7 * 24 * 3_600_000;

/**
 * Reads the operator's own certificate, or one made earlier in `<dataFolder>/tls`, or makes one for every name and
 * address of this machine. A made one is replaced when it nears its end or the machine has a new address.
 *
 * @throws Fault `tls.unreadable` when a named file cannot be read or key and certificate do not belong together
 */
export async function loadTls(options: {
  dataFolder: string;
  certFile?: string | undefined;
  keyFile?: string | undefined;
  nowMs?: () => number;
}): Promise<Tls> {
  if (options.certFile !== undefined && options.keyFile !== undefined) {
    return ownCertificate(options.certFile, options.keyFile);
  }
  const folder = join(options.dataFolder, "tls");
  const files = { key: join(folder, "key.pem"), cert: join(folder, "cert.pem") };
  const nowMs = (options.nowMs ?? Date.now)();
  const known = await readPair(files).catch((error) => {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  });
  const hosts = ownHostNames();
  if (known !== undefined && stillGood(known, hosts, nowMs)) return { ...known, generated: true };
  const made = await makeCertificate(hosts, nowMs);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeWhole(files.key, made.key);
  await writeWhole(files.cert, made.cert);
  return { ...made, generated: true };
}

async function ownCertificate(certFile: string, keyFile: string): Promise<Tls> {
  try {
    const pair = await readPair({ key: keyFile, cert: certFile });
    const { createSecureContext } = await import("node:tls");
    createSecureContext(pair);
    return { ...pair, generated: false };
  } catch (cause) {
    const message = `The certificate ${certFile} with key ${keyFile} cannot be used: ${errorMessage(cause)}`;
    throw new Fault("tls.unreadable", message, { cause });
  }
}

async function readPair(files: { key: string; cert: string }): Promise<{ key: string; cert: string }> {
  const [key, cert] = await Promise.all([readFile(files.key, "utf8"), readFile(files.cert, "utf8")]);
  return { key, cert };
}

/** Names and addresses without the brackets of IPv6, as a certificate names them. */
export function ownHostNames(): string[] {
  const bare = ownHosts().map((host) => host.replace(/^\[|\]$/g, ""));
  return [...new Set([...bare, hostname()])];
}

function isAddress(host: string): boolean {
  return host.includes(":") || /^[0-9.]+$/.test(host);
}

function stillGood(pair: { key: string; cert: string }, hosts: readonly string[], nowMs: number): boolean {
  try {
    const certificate = new X509Certificate(pair.cert);
    if (Date.parse(certificate.validTo) - nowMs < RENEW_BEFORE_MS) return false;
    return hosts.every((host) =>
      isAddress(host) ? certificate.checkIP(host) !== undefined : certificate.checkHost(host) !== undefined,
    );
  } catch {
    return false;
  }
}

async function makeCertificate(
  hosts: readonly string[],
  nowMs: number,
): Promise<{ key: string; cert: string }> {
  const altNames = hosts.map((host) =>
    isAddress(host) ? { type: 7 as const, ip: host } : { type: 2 as const, value: host },
  );
  const notBeforeDate = new Date(nowMs - 3_600_000);
  const made = await generate([{ name: "commonName", value: "wanhui" }], {
    keyType: "ec",
    curve: "P-256",
    algorithm: "sha256",
    notBeforeDate,
    notAfterDate: new Date(notBeforeDate.getTime() + CERTIFICATE_DAYS * 24 * 3_600_000),
    extensions: [
      { name: "basicConstraints", cA: false, critical: true },
      { name: "keyUsage", digitalSignature: true, critical: true },
      { name: "extKeyUsage", serverAuth: true },
      { name: "subjectAltName", altNames },
    ],
  });
  return { key: made.private, cert: made.cert };
}

/** Readable by us alone; the old file stays whole until the new one is. */
async function writeWhole(file: string, text: string): Promise<void> {
  const handle = await open(`${file}.new`, "w", 0o600);
  await handle.writeFile(text);
  await handle.sync();
  await handle.close();
  await rename(`${file}.new`, file);
}

/** The address as a QR code of half-block characters, for a terminal: point the phone's camera at it. */
export function qrCodeOf(url: string): Promise<string> {
  return qrcode.toString(url, { type: "terminal", small: true, errorCorrectionLevel: "M" });
}
