// Entry of the venue page: chooses the source, mounts the page, remembers the way back from paying.

import { render } from "preact";
import { firstLanguage } from "../shared/language.ts";
import "../shared/base.css";
import "./style/tokens.css";
import "./style/page.css";
import "./style/stage.css";
import "./style/parts.css";
import "./style/modal.css";
import { VenueStore } from "./model/store.ts";
import { clientSource } from "./source/client-source.ts";
import { takeHandOver } from "./source/hand-over.ts";
import { App } from "./ui/app.tsx";

const handOver = takeHandOver();
const root = document.getElementById("page");
if (root !== null) {
  const store = new VenueStore(clientSource(handOver));
  const language = firstLanguage(location.search, navigator.languages);
  render(<App store={store} first={language} />, root);
  store.start();
}
