// What every answer tells the browser. A few lines of our own, so that every word of the policy is read here.

/** Pages run their own scripts and talk to their own server, nothing else. */
export const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "worker-src 'self'",
  "manifest-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** The venue page in a frame of a page of the list; an empty list leaves it to nobody. */
export function framedPolicy(origins: readonly string[]): string {
  return PAGE_POLICY.replace("frame-ancestors 'none'", `frame-ancestors ${origins.join(" ")}`);
}

/** A picture of a show may be an SVG somebody sent: opened by itself it can do nothing. */
export const PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/** The API page writes styles into itself. */
export const DOCS_POLICY = PAGE_POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'");

/** A year, told only over TLS of our own or of the proxy before us. */
const STRICT_TRANSPORT = "max-age=31536000";

/** The fixed headers of every answer; routes may replace one. */
export function securityHeaders(options: { secure: boolean }): Record<string, string> {
  return {
    "content-security-policy": PAGE_POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    // Not `no-referrer`: with it browsers send `Origin: null` on the form posts of our own pages.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "accelerometer=(self), gyroscope=(self), camera=(), microphone=(), geolocation=()",
    ...(options.secure ? { "strict-transport-security": STRICT_TRANSPORT } : {}),
  };
}
