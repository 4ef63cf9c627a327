import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { whyNotLoaded } from "../../elfnotes/note-check.js";
import { readImage } from "../../elfnotes/read-image.js";
import { asReadelf, hasProgram, readelfOfXen } from "./readelf.js";

/** A note as <xen/elfnote.h> and XTF's arch/elfnotes make them; a section each, or all in one. */
const note = (section: string, type: number, desc: string) => `
  .pushsection ${section}, "a", @note
  .align 4
  .long 2f - 1f, 4f - 3f, ${type}
1: .asciz "Xen"
2: .align 4
3: ${desc}
4: .align 4
  .popsection`;

/** What XTF's 64-bit and 32-bit PV tests say of themselves. */
const xtf = (word: string) => [
  note(".note.Xen", 6, '.asciz "XTF"'),
  note(".note.Xen", 7, '.asciz "0"'),
  note(".note.Xen", 8, '.asciz "generic"'),
  note(".note.Xen", 5, '.asciz "xen-3.0"'),
  note(".note.Xen", 3, `${word} 0`),
  note(".note.Xen", 4, `${word} 0`),
  note(".note.Xen", 1, `${word} _start`),
  note(".note.Xen", 9, '.asciz "yes"'),
  note(".note.Xen", 10, '.asciz "!writable_page_tables|pae_pgdir_above_4gb"'),
];

/** A MiniOS-like kernel with a section for each note, and a note of another owner between them. */
const sections = (word: string) => [
  note(".note.a", 5, '.asciz "xen-3.0"'),
  note(".note.b", 8, '.asciz "generic"').replace("Xen", "GNU"),
  note(".note.c", 8, '.asciz "generic"'),
  note(".note.d", 18, `${word} _start`),
];

describe("a small kernel that as and ld made", () => {
  const folder = mkdtempSync(join(tmpdir(), "pvtwin-"));
  after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, "kernel");

  /** Assemble and link at 1 MiB; without program headers for notes, where `phdr` is false. */
  const build = (bits: 32 | 64, notes: readonly string[], phdr: boolean) => {
    const source = `.globl _start\n.text\n_start: ud2\n${notes.join("\n")}\n`;
    writeFileSync(`${file}.s`, source);
    const script = phdr
      ? "PHDRS { text PT_LOAD; note PT_NOTE; } SECTIONS { . = 1M; .text : { *(.text) } :text  .n : { *(.note*) } :text :note }"
      : "PHDRS { text PT_LOAD; } SECTIONS { . = 1M; .text : { *(.text) } :text  .n : { *(.note*) } :text }";
    writeFileSync(`${file}.lds`, script);
    execFileSync("as", [`--${bits}`, "-o", `${file}.o`, `${file}.s`]);
    const emulation = bits === 64 ? "elf_x86_64" : "elf_i386";
    execFileSync("ld", ["-m", emulation, "--build-id=none", "-T", `${file}.lds`, "-o", file, `${file}.o`]);
  };

  for (const bits of [32, 64] as const) {
    for (const phdr of [true, false]) {
      for (const [style, notes] of [
        ["XTF", xtf],
        ["MiniOS", sections],
      ] as const) {
        const source = phdr ? "PT_NOTE" : "SHT_NOTE";
        it(`has the notes that readelf lists: ${style}, ${bits} bits, ${source}`, async function () {
          if (!["as", "ld", "readelf"].every(hasProgram)) return this.skip();
          build(bits, notes(bits === 64 ? ".quad" : ".long"), phdr);
          const image = await readImage(file);
          expect([image.format, image.source]).to.deep.equal([`elf${bits}`, source]);
          expect(asReadelf(image)).to.deep.equal(readelfOfXen(file));
          expect(whyNotLoaded(image, "pv")).to.equal(undefined);
        });
      }
    }
  }
});
