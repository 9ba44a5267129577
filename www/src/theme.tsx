/**
 * Dark and light: as the system has it, or as it is chosen here.
 *
 * @module
 */
import { useState } from "preact/hooks";

type Theme = "system" | "light" | "dark";

const KEY = "theme";

/** Pages from file:// may have no storage. */
function stored(): Theme {
  try {
    return (localStorage.getItem(KEY) as Theme | null) ?? "system";
  } catch {
    return "system";
  }
}

function apply(theme: Theme): void {
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(KEY, theme);
  } catch {
    // the choice is for this visit
  }
}

apply(stored());

/** The choice of a theme. */
export function ThemeSwitch() {
  const [theme, setTheme] = useState(stored);
  const choose = (chosen: Theme) => {
    apply(chosen);
    setTheme(chosen);
  };
  return (
    <select
      class="theme"
      aria-label="Theme"
      value={theme}
      onChange={(event) => choose(event.currentTarget.value as Theme)}
    >
      <option value="system">System theme</option>
      <option value="light">Light</option>
      <option value="dark">Dark</option>
    </select>
  );
}
