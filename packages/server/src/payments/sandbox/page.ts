import type { Money } from "@wanhui/protocol";
import { DELIVERIES, type Delivery, type SandboxPayment } from "./state.ts";

type Words = {
  readonly lang: string;
  readonly title: string;
  readonly banner: string;
  readonly amount: string;
  readonly order: string;
  readonly pay: string;
  readonly decline: string;
  readonly later: string;
  readonly back: string;
  readonly testers: string;
  readonly notice: string;
  readonly deliveries: Readonly<Record<Delivery, string>>;
  readonly states: Readonly<Record<SandboxPayment["why"], string>>;
  readonly unknown: string;
};

const en: Words = {
  lang: "en",
  title: "Payment (sandbox)",
  banner: "This is a sandbox. No money moves, no card is asked for.",
  amount: "To pay",
  order: "Order",
  pay: "Pay",
  decline: "Decline the payment",
  later: "Pay later, back to the show",
  back: "Back to the show",
  testers: "For testers",
  notice: "How the shop hears of it",
  deliveries: {
    "at once": "At once",
    late: "20 seconds late",
    twice: "Twice",
    reordered: "With an older notice after it",
    never: "Never: the shop has to ask",
  },
  states: {
    created: "Not paid yet.",
    paid: "Paid. Thank you.",
    declined: "Declined. Nothing was paid.",
    cancelled: "Cancelled: the time to pay is over. Nothing was paid.",
  },
  unknown: "There is no such payment.",
};

const zh: Words = {
  lang: "zh-CN",
  title: "付款（沙盒）",
  banner: "这是沙盒环境：不会发生真实扣款，也不需要银行卡。",
  amount: "应付金额",
  order: "订单",
  pay: "付款",
  decline: "拒绝付款",
  later: "稍后付款，返回晚会",
  back: "返回晚会",
  testers: "测试选项",
  notice: "商家如何收到结果",
  deliveries: {
    "at once": "立即通知",
    late: "延迟 20 秒",
    twice: "重复通知",
    reordered: "之后再发一条旧通知",
    never: "不通知：由商家查询",
  },
  states: {
    created: "尚未付款。",
    paid: "已付款，谢谢。",
    declined: "已拒绝，未扣款。",
    cancelled: "已取消：付款时间已过，未扣款。",
  },
  unknown: "没有这笔付款。",
};

/** Chinese when the browser names it before English, else English. */
export function wordsFor(acceptLanguage: string | undefined): Words {
  const asked = (acceptLanguage ?? "").toLowerCase();
  const at = (tag: string) => {
    const found = asked.search(new RegExp(`(?:^|[,\\s])${tag}\\b`));
    return found < 0 ? Number.POSITIVE_INFINITY : found;
  };
  return at("zh") < at("en") ? zh : en;
}

function escaped(text: string): string {
  const entities: Record<string, string> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&#39;",
  };
  return text.replace(/[&<>"']/g, (letter) => entities[letter] ?? letter);
}

function shownAmount(amount: Money, lang: string): string {
  const format = new Intl.NumberFormat(lang, { style: "currency", currency: amount.currency });
  return format.format(amount.amountMinor / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}

// Plain HTML and one style sheet: nothing to download, nothing to run. Contrast of every pair is above 7:1.
const STYLE = `
:root{color-scheme:light}
*{box-sizing:border-box}
body{margin:0;font:18px/1.5 system-ui,"PingFang SC","Noto Sans CJK SC","Microsoft YaHei",sans-serif;background:#f3f4f6;color:#16181d}
.banner{margin:0;padding:12px 16px;background:#5b3a00;color:#fff;text-align:center;font-weight:600}
main{max-width:440px;margin:0 auto;padding:16px}
.card{background:#fff;border:1px solid #c9ced6;border-radius:12px;padding:20px}
h1{font-size:22px;margin:0 0 12px}
dl{margin:0 0 16px}dt{color:#3d444f;font-size:15px}dd{margin:0 0 10px;overflow-wrap:anywhere}
dd.amount{font-size:36px;font-weight:700}dd.order{font:15px/1.4 ui-monospace,monospace}
.state{padding:10px 12px;border-radius:8px;background:#e7ebf3;margin:0 0 16px}
button,.link{display:block;width:100%;min-height:48px;margin:0 0 12px;padding:12px;border-radius:10px;border:2px solid #0b4a8f;font:inherit;font-weight:600;text-align:center;text-decoration:none;cursor:pointer;background:#fff;color:#0b4a8f}
button.first{background:#0b4a8f;color:#fff}
:focus-visible{outline:3px solid #b45309;outline-offset:2px}
fieldset{border:1px solid #c9ced6;border-radius:10px;margin:0 0 16px;padding:8px 14px}
legend{font-size:15px;padding:0 6px}
.choice{display:flex;align-items:center;gap:10px;min-height:44px}
summary.choice{cursor:pointer}summary.choice::before{content:"\\25B8"}details[open]>summary.choice::before{content:"\\25BE"}
.choice input{width:22px;height:22px;margin:0}
`;

function frame(words: Words, content: string): string {
  return `<!doctype html>
<html lang="${words.lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="robots" content="noindex"><title>${words.title}</title><style>${STYLE}</style></head>
<body><header><p class="banner" role="note">${words.banner}</p></header><main><div class="card"><h1>${words.title}</h1>
${content}
</div></main></body></html>`;
}

function choices(words: Words): string {
  const radios = DELIVERIES.map((delivery, at) => {
    const checked = at === 0 ? " checked" : "";
    const input = `<input type="radio" name="delivery" value="${delivery}"${checked}>`;
    return `<label class="choice">${input}<span>${words.deliveries[delivery]}</span></label>`;
  });
  return `<details><summary class="choice">${words.testers}</summary><fieldset><legend>${words.notice}</legend>${radios.join("")}</fieldset></details>`;
}

/** The payment's page: amount, what it is for, one clear button, and the testers' choices folded away. */
export function paymentPage(payment: SandboxPayment, words: Words): string {
  const facts = `<dl><dt>${words.amount}</dt><dd class="amount">${escaped(shownAmount(payment.amount, words.lang))}</dd>
<dt>${words.order}</dt><dd>${escaped(payment.title)}</dd><dd class="order">${escaped(payment.orderId)}</dd></dl>`;
  const state = `<p class="state" role="status">${words.states[payment.why]}</p>`;
  const back = (label: string) => `<a class="link" href="${escaped(payment.returnUrl)}">${label}</a>`;
  if (payment.state !== "open") return frame(words, facts + state + back(words.back));
  const form = `<form method="post" action="/pay/${payment.paymentId}">
<button class="first" name="action" value="pay">${words.pay} ${escaped(shownAmount(payment.amount, words.lang))}</button>
<button name="action" value="decline">${words.decline}</button>
${choices(words)}</form>`;
  return frame(words, facts + state + form + back(words.later));
}

/** What a wrong address shows. */
export function unknownPage(words: Words): string {
  return frame(words, `<p class="state" role="status">${words.unknown}</p>`);
}
