// Zod schemas of what travels, for servers and documentation. The client never imports this door (zod is 26 KB).
import { z } from "zod";

export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  code: z.string(),
  field: z.string().optional(),
  rule: z.string().optional(),
  retryAfterMs: z.int().optional(),
  detail: z.string().optional(),
});
