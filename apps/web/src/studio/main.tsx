// Entry of the studio.

import { createRoot } from "react-dom/client";
import { firstLanguage } from "../shared/language.ts";
import "../shared/base.css";
import "./studio.css";
import "./dialogs.css";
import "./parts.css";
import { App } from "./app.tsx";

const root = document.getElementById("page");
if (root !== null) {
  const language = firstLanguage(location.search, navigator.languages);
  createRoot(root).render(<App first={language === "zh" ? "zh" : "en"} />);
}
