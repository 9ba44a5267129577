/**
 * Two panes with a divider between them that can be dragged, or moved by keys.
 *
 * @module
 */
import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";

const KEY = "split";
const [LEAST, MOST, DEFAULT, STEP] = [25, 75, 52, 2];

function stored(): number {
  try {
    return bounded(Number(localStorage.getItem(KEY) ?? DEFAULT));
  } catch {
    return DEFAULT;
  }
}

function bounded(share: number): number {
  return Number.isFinite(share) ? Math.min(MOST, Math.max(LEAST, share)) : DEFAULT;
}

/** The panes are one above the other where the page is narrow. */
export function Split({ children: [first, second] }: { children: [ComponentChildren, ComponentChildren] }) {
  const box = useRef<HTMLDivElement>(null);
  const [share, setShare] = useState(stored);
  const move = (wanted: number) => {
    const next = bounded(wanted);
    setShare(next);
    try {
      localStorage.setItem(KEY, String(next));
    } catch {
      // the place is for this visit
    }
  };
  const drag = (event: PointerEvent) => {
    const { left = 0, width = 1 } = box.current?.getBoundingClientRect() ?? {};
    if ((event.currentTarget as Element).hasPointerCapture(event.pointerId)) {
      move((100 * (event.clientX - left)) / width);
    }
  };
  return (
    <div class="columns" ref={box} style={{ "--share": `${share}%` }}>
      {first}
      <div
        class="divider"
        role="separator"
        aria-orientation="vertical"
        aria-label="Width of the list"
        aria-valuemin={LEAST}
        aria-valuemax={MOST}
        aria-valuenow={Math.round(share)}
        tabIndex={0}
        onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
        onPointerMove={drag}
        onDblClick={() => move(DEFAULT)}
        onKeyDown={(event) => {
          const step = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key];
          if (step === undefined) return;
          event.preventDefault();
          move(share + step);
        }}
      />
      {second}
    </div>
  );
}
