// Entry of the checker. `?draw=` names a draw of this server whose proof is checked at once.

import { render } from "preact";
import { firstLanguage } from "../shared/language.ts";
import "../shared/base.css";
import "./verify.css";
import { App } from "./app.tsx";

const root = document.getElementById("page");
if (root !== null) {
  const language = firstLanguage(location.search, navigator.languages);
  const draw = new URLSearchParams(location.search).get("draw");
  render(<App first={language === "zh" ? "zh" : "en"} draw={draw} />, root);
}
