import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { Icon } from "./icons.tsx";
import { usePage } from "./page.tsx";

/**
 * A dialog over the page: the browser keeps the focus inside, Escape closes it, and closing gives the focus back
 * to where it was.
 */
export function Modal(props: {
  readonly title: string;
  readonly kind: "sheet" | "moment";
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}) {
  const { words } = usePage();
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const element = dialog.current;
    if (element === null) return;
    const before = document.activeElement;
    element.showModal();
    // The heading first: what this is, before what can be done; and no ring around a button nobody chose.
    element.querySelector<HTMLElement>(".modal-title")?.focus();
    return () => {
      element.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      class={`modal ${props.kind}`}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
    >
      <div class="modal-body">
        <button type="button" class="modal-close" aria-label={words.page.close} onClick={props.onClose}>
          <Icon name="close" />
        </button>
        <h2 id={heading} class="modal-title" tabIndex={-1}>
          {props.title}
        </h2>
        {props.children}
      </div>
    </dialog>
  );
}
