// Which files of a tree import which, for Rust and for TypeScript. Packages, and what is outside of the tree, do not
// count.
import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";

/** The files of a folder with an extension, by paths within it, with their texts. */
export function textsOf(root, extension) {
  const files = readdirSync(root, { recursive: true }).filter((file) => extension.test(file));
  return new Map(files.map((file) => [file, readFileSync(`${root}/${file}`, "utf8")]));
}

/** TypeScript: the path behind `from` and `import`. */
export function scriptImports(texts) {
  const specifiers = /\b(?:from|import)\s*\(?\s*"(\.[^"]*)\.js"/g;
  const fileOf = (path) => [`${path}.ts`, `${path}.tsx`].find((name) => texts.has(name));
  return mapValues(texts, (text, file) =>
    [...text.matchAll(specifiers)].map(([, path]) => fileOf(posix.join(posix.dirname(file), path))),
  );
}

/**
 * Rust: what `use` and paths name, followed through `pub use` to the file that defines it; tests apart. A `mod.rs` and
 * the files of its folder are one module in parts, so a part's use of its `mod.rs` is not an import.
 */
export function rustImports(texts) {
  const modules = new Map([...texts.keys()].map((file) => [moduleOf(file).join("::"), file]));
  const code = mapValues(texts, (text) =>
    text.replace(/^\s*\/\/.*$/gm, "").replace(/^(?:#\[cfg.*\]\n)?mod tests \{[\s\S]*/m, ""),
  );
  const uses = mapValues(code, (text, file) =>
    [...text.matchAll(/\b(pub(?:\([^)]*\))? )?use ([^;]+);/g)].flatMap(([, isPublic, tree]) =>
      pathsOf(tree).map((path) => ({ isPublic, path: absolute(path, moduleOf(file), modules) })),
    ),
  );
  const exported = mapValues(
    uses,
    (all) => new Map(all.filter((use) => use.isPublic).map(({ path }) => [path.at(-1), path])),
  );
  const definer = (path) => {
    for (let length = path.length; length > 0; length--) {
      const file = modules.get(path.slice(0, length).join("::"));
      const again = file && exported.get(file).get(path[length]);
      if (again) return definer([...again, ...path.slice(length + 1)]);
      if (file) return file;
    }
    return undefined;
  };
  return mapValues(code, (text, file) => {
    const named = [...text.replace(/\buse [^;]+;/g, "").matchAll(/\bcrate(?:::\w+)+/g)].map(([path]) =>
      path.split("::"),
    );
    const paths = named.map((path) => absolute(path, moduleOf(file), modules));
    const own = `${moduleOf(file).slice(0, -1).join("/")}/mod.rs`;
    return [
      ...paths,
      ...uses
        .get(file)
        .filter((use) => !use.isPublic)
        .map(({ path }) => path),
    ]
      .map(definer)
      .filter((other) => other !== own);
  });
}

function moduleOf(file) {
  return file.replace(/(?:\/mod)?\.rs$/, "").split("/");
}

/** The paths of `a::{b, c::{d, e as f}}`. */
function pathsOf(tree) {
  const group = /^([^{]*?)(?:::)?\{([\s\S]*)\}$/.exec(tree.trim());
  if (group === null) return [tree.trim().split(" as ")[0].split("::")];
  const prefix = group[1].split("::").filter(Boolean);
  return split(group[2]).flatMap((part) => pathsOf(part).map((path) => [...prefix, ...path]));
}

/** The parts between commas that are in no braces. */
function split(list) {
  let depth = 0;
  const marked = [...list].map((c) => {
    depth += c === "{" ? 1 : c === "}" ? -1 : 0;
    return c === "," && depth === 0 ? "\n\n" : c;
  });
  return marked
    .join("")
    .split("\n\n")
    .map((part) => part.trim())
    .filter(Boolean);
}

/** The path from the crate's root; of a path into another crate, one that no file has. */
function absolute(path, module, modules) {
  if (path[0] === "crate") return path.slice(1);
  if (path[0] === "super") return [...module.slice(0, -1), ...path.slice(1)];
  const isOwn = modules.has([...module, path[0]].join("::"));
  return path[0] === "self" ? [...module, ...path.slice(1)] : isOwn ? [...module, ...path] : ["::", ...path];
}

/** A map of the same keys, without what is missing or the key itself in lists. */
function mapValues(map, change) {
  return new Map(
    [...map].map(([key, value]) => {
      const changed = change(value, key);
      return [key, Array.isArray(changed) ? changed.filter((one) => one !== undefined && one !== key) : changed];
    }),
  );
}
