// typedoc reads our docstrings: a file's head is the text of its class or interface, and the lines of style
// (Shape, Units, Errors, Mirrors, Differs) are paragraphs.
import { Comment, Converter, ReflectionKind } from "typedoc";

const HEAD = /^\s*\/\*\*((?:[^*]|\*(?!\/))*)\*\//;
const LABEL = /(?:^|\n)(Shape|Units|Errors|Mirrors|Differs): */g;

export function load(app) {
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, (context) => {
    for (const reflection of Object.values(context.project.reflections)) {
      if (reflection.kindOf(ReflectionKind.Class | ReflectionKind.Interface) && tellsNoIdea(reflection)) {
        const head = headOf(context.getSymbolFromReflection(reflection));
        reflection.comment ??= new Comment([]);
        if (head !== undefined) reflection.comment.summary.unshift({ kind: "text", text: `${head}\n\n` });
      }
      for (const part of reflection.comment?.summary ?? []) {
        if (part.kind === "text") part.text = paragraphs(part.text);
      }
    }
  });
}

/** No docstring, or one that is a layout alone. */
function tellsNoIdea({ comment }) {
  return comment === undefined || /^Shape:/.test(comment.summary[0]?.text ?? "");
}

/** The comment that a symbol's file opens with. */
function headOf(symbol) {
  const text = symbol?.declarations?.[0]?.getSourceFile().text;
  return HEAD.exec(text ?? "")?.[1]
    .replace(/^[ \t]*\*(?: |$)/gm, "")
    .trim();
}

/** A label begins a paragraph; an indented line after it, one of a table. */
function paragraphs(text) {
  return text.replace(LABEL, "\n\n**$1:** ").replace(/\n {2,}(?=\S)/g, "  \n");
}
