/**
 * Small things that several views show.
 *
 * @module
 */
import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";

import type { Direction } from "../../../js/inspect/index.js";
import { copy } from "../actions.js";
import { ARROWS, DIRECTION_NAMES, sectionAddress } from "../format.js";
import { change } from "../state.js";

/** An arrow, said in words to those who do not see it. */
export function Arrow({ direction }: { direction: Direction }) {
  return (
    <span
      class={`arrow ${direction}`}
      role="img"
      aria-label={DIRECTION_NAMES[direction]}
      title={DIRECTION_NAMES[direction]}
    >
      {ARROWS[direction]}
    </span>
  );
}

/** A section's name, which leads to its text. */
export function Section({ name }: { name: string }) {
  const address = sectionAddress(name);
  if (address === undefined) return <span class="section">{name}</span>;
  return (
    <a class="section" href={address} target="_blank" rel="noreferrer">
      {name}
    </a>
  );
}

/** With a capital letter and a full stop. */
export function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}

/** A button that puts a text into the clipboard. */
export function CopyButton({ what, text }: { what: string; text(): string }) {
  return (
    <button type="button" class="copy" onClick={() => void copy(text(), what)}>
      Copy {what.toLowerCase()}
    </button>
  );
}

/** Whether something is as it should be: by a sign and a word, not by the colour alone. */
export function Verdict({ good, children }: { good: boolean; children: ComponentChildren }) {
  return (
    <span class={good ? "verdict good" : "verdict bad"}>
      <span aria-hidden="true">{good ? "✓" : "✗"}</span> {children}
    </span>
  );
}

/** One of several, by buttons that a radio group's keys move between. */
export function Choice<Value extends string>({
  label,
  options,
  value,
  onChoose,
}: {
  label: string;
  options: readonly (readonly [Value, string])[];
  value: Value;
  onChoose(value: Value): void;
}) {
  return (
    <fieldset class="choice">
      <legend class="unseen">{label}</legend>
      {options.map(([option, text]) => (
        <label key={option}>
          <input type="radio" name={label} checked={option === value} onChange={() => onChoose(option)} />
          <span>{text}</span>
        </label>
      ))}
    </fieldset>
  );
}

/**
 * What a question is answered with; the last answer while the next one is awaited, nothing before the first.
 *
 * @param inputs asked again whenever one of them changes
 */
export function useAnswer<Value>(ask: () => Promise<Value>, inputs: readonly unknown[]): Value | undefined {
  const [answer, setAnswer] = useState<Value>();
  useEffect(() => {
    let isLatest = true;
    ask().then(
      (value) => {
        if (isLatest) setAnswer(() => value);
      },
      (error: Error) => change({ error: error.message }),
    );
    return () => {
      isLatest = false;
    };
  }, inputs);
  return answer;
}

/** An element, and the width that its content has, in pixels; 0 before it is laid out. */
export function useWidth<Type extends Element>(): [RefObject<Type | null>, number] {
  const box = useRef<Type>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = box.current as Type;
    const observer = new ResizeObserver(([entry]) => setWidth(entry?.contentRect.width ?? 0));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [box, width];
}
