import { expect } from "chai";
import { AnchorFile, NoAnchor, type Anchor } from "../../patches-notes/anchor.js";

const TEXT = `/* The first. */
static int first(int a)
{
	if (a) {
		work(a,
		     1); /* a comment */
	}

	return 0;
}

#ifdef CONFIG_SMP
static void second(void) { }
#else
static void second(void)
{
	work(2, 1);
}
#endif

struct pair {
	int kernel;	/* with a comment */
	int user;
};

static const struct pair pairs = {
	.kernel = 1,
};
`;

const place = (anchor: Partial<Anchor>, text = TEXT, path = "a.c") => {
  const { first, end } = new AnchorFile(path, text).find({
    where: "after",
    scope: undefined,
    pattern: undefined,
    ...anchor,
  });
  return [first + 1, end + 1]; // as an editor counts
};

const refusal = (anchor: Partial<Anchor>, text = TEXT): NoAnchor => {
  try {
    place(anchor, text);
  } catch (error) {
    if (error instanceof NoAnchor) return error;
  }
  throw new Error("it was found");
};

describe("an anchor", () => {
  it("finds a statement whatever its layout, and takes all its lines", () => {
    expect(place({ scope: "first", pattern: "work(a, 1);", where: "replace" })).to.deep.equal([5, 7]);
    expect(place({ scope: "first", pattern: "work(a, 1);", where: "before" })).to.deep.equal([5, 5]);
    expect(place({ scope: "first", pattern: "work(a, 1);" })).to.deep.equal([7, 7]);
  });

  it("lets @@ stand for what versions write differently, within a statement", () => {
    expect(place({ scope: "first", pattern: "work(@@);" })).to.deep.equal([7, 7]);
    expect(refusal({ scope: "first", pattern: "if (a) { @@ return 0;" }).what).to.include("is not there");
  });

  it("finds functions with the comment above them, structs, enums and initial values", () => {
    expect(place({ scope: "first", where: "before" })).to.deep.equal([1, 1]);
    expect(place({ scope: "first" })).to.deep.equal([11, 11]);
    expect(place({ scope: "first", where: "start" })).to.deep.equal([4, 4]);
    expect(place({ scope: "first", where: "end" })).to.deep.equal([10, 10]);
    expect(place({ scope: "struct pair", pattern: "int kernel;" })).to.deep.equal([23, 23]);
    expect(place({ scope: "pairs", where: "end" })).to.deep.equal([28, 28]);
  });

  it("may be in either definition of a function, under #if and #else", () => {
    expect(place({ scope: "second", pattern: "work(2, 1);" })).to.deep.equal([18, 18]);
    expect(refusal({ scope: "second", where: "before" }).what).to.equal("second() is there 2 times");
  });

  it("that is missing, or there twice, names the nearest lines", () => {
    const missing = refusal({ scope: "first", pattern: "work(a, 2);" });
    expect(missing.what).to.equal("in first(), `work(a, 2);` is not there");
    expect(missing.candidates[0]).to.equal("line 5: work(a,");
    const twice = refusal({ pattern: "work(@@, 1);" });
    expect(twice.candidates).to.deep.equal(["line 5: work(a,", "line 17: work(2, 1);"]);
    expect(refusal({ scope: "frist", where: "end" }).candidates[0]).to.equal("first (line 2)");
  });

  it("has to fill its lines", () => {
    expect(refusal({ scope: "first", pattern: "return" }).what).to.equal("`return` does not fill its lines");
  });

  it("finds entries of Kconfig and lines of a Makefile", () => {
    const kconfig = "config ONE\n\tbool\n\nconfig TWO\n\tbool\n\thelp\n\t  Text.\n";
    expect(place({ scope: "config ONE", pattern: "bool" }, kconfig, "Kconfig")).to.deep.equal([3, 3]);
    expect(place({ pattern: "config TWO", where: "before" }, kconfig, "Kconfig")).to.deep.equal([4, 4]);
    expect(place({ pattern: "obj-y += b.o" }, "obj-y\t+= a.o\nobj-y\t+= b.o\n", "Makefile")).to.deep.equal([
      3, 3,
    ]);
  });
});
