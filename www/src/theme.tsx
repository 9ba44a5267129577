/**
 * Dark and light: as the system has it, or as it is chosen here.
 *
 * @module
 */
import { useState } from "preact/hooks";

import { Choice } from "./views/common.js";

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
    // it is not remembered, then
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
    <div class="theme">
      <Choice
        label="Theme"
        options={[
          ["system", "System"],
          ["light", "Light"],
          ["dark", "Dark"],
        ]}
        value={theme}
        onChoose={choose}
      />
    </div>
  );
}
