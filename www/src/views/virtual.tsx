/**
 * A list of any length, of which only what is seen is in the page: so it is a grid of `div`s, and no `table`. The list
 * has the focus, and names the row that is active.
 *
 * @module
 */
import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";

/** Browsers place nothing farther down than some 17 million pixels. */
const TALLEST = 10_000_000;
/** Rows above and below that are drawn as well. */
const SPARE = 8;

/** Which rows are seen. */
export interface Window {
  readonly from: number;
  readonly to: number;
}

interface Props {
  readonly id?: string;
  readonly class?: string;
  readonly label: string;
  readonly role: "grid" | "group";
  readonly total: number;
  /** Pixels. */
  readonly rowHeight: number;
  /** A row that must be seen; it is scrolled to when it changes. */
  readonly shown?: number | undefined;
  /** The id of the row that the keys act on. */
  readonly active?: string | undefined;
  onKey?(event: KeyboardEvent): void;
  onWindow?(window: Window): void;
  row(index: number): ComponentChildren;
  readonly header?: ComponentChildren;
}

/** Rows of one height, drawn by `row`. */
export function VirtualList(props: Props) {
  const { total, rowHeight, shown, onWindow } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(400);

  useEffect(() => {
    const element = scroller.current as HTMLDivElement;
    const observer = new ResizeObserver(() => setHeight(element.clientHeight));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  const tall = Math.min(total * rowHeight, TALLEST);
  const most = Math.max(0, total - height / rowHeight);
  // where the list is taller than a browser can have it, a pixel of the scroll bar stands for more than one
  const scale = tall > height ? (most * rowHeight) / (tall - height) : 1;
  const first = (top * scale) / rowHeight;
  const from = Math.max(0, Math.floor(first) - SPARE);
  const to = Math.min(total, Math.ceil(first + height / rowHeight) + SPARE);

  useEffect(() => onWindow?.({ from, to }), [from, to, total]);
  useLayoutEffect(() => {
    if (shown === undefined || scroller.current === null) return;
    const seen = Math.floor(height / rowHeight) - 1;
    const wanted = shown < first ? shown : shown > first + seen - 1 ? shown - seen + 1 : undefined;
    if (wanted !== undefined) scroller.current.scrollTop = Math.max(0, (wanted * rowHeight) / scale);
  }, [shown, total]);

  const rows: ComponentChildren[] = [];
  for (let index = from; index < to; index++) rows.push(props.row(index));
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions lint/a11y/useAriaPropsSupportedByRole: a grid or a group
    <div
      id={props.id}
      class={`virtual ${props.class ?? ""}`}
      ref={scroller}
      role={props.role}
      aria-label={props.label}
      aria-rowcount={props.role === "grid" ? total : undefined}
      aria-activedescendant={props.active}
      style={{ "--content": `${tall}px` }}
      tabIndex={0}
      onKeyDown={props.onKey}
      onScroll={(event) => setTop(event.currentTarget.scrollTop)}
    >
      {props.header}
      <div role="presentation" style={{ height: `${tall}px`, position: "relative" }}>
        <div
          role="presentation"
          class="rows"
          style={{ transform: `translateY(${top - (first - from) * rowHeight}px)` }}
        >
          {rows}
        </div>
      </div>
    </div>
  );
}
