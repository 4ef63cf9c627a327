import { expect } from "chai";
import { html, setNumber, slug } from "../../../cli/report/html.js";

describe("html`...`", () => {
  it("escapes what is no markup, in text and in attributes", () => {
    const name = `<img src=x onerror="alert('1')">&`;
    expect(html`<b title="${name}">${name}</b>`.text).to.equal(
      `<b title="&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;">` +
        `&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;</b>`,
    );
  });

  it("takes markup as it is, once", () => {
    expect(html`<p>${html`<i>${"<"}</i>`}</p>`.text).to.equal("<p><i>&lt;</i></p>");
  });

  it("joins lists, and leaves out false and undefined but not zero", () => {
    expect(html`${[1, "<", html`<i></i>`]}${false}${undefined}${0}`.text).to.equal("1&lt;<i></i>0");
  });

  it("replaces characters that HTML does not have", () => {
    expect(html`${"a\0b\x1b"}`.text).to.equal("a\ufffdb\ufffd");
  });
});

describe("setNumber", () => {
  for (const [plain, set] of [
    ["-1.23 M", "\u22121.23\u202fM"],
    ["+3.10 %", "+3.10\u202f%"],
    ["[-2 k .. +3 G]", "[\u22122\u202fk \u2026 +3\u202fG]"],
    ["112 KiB + 8 KiB", "112\u202fKiB + 8\u202fKiB"],
    ["-169 k (-0.04 %)", "\u2212169\u202fk (\u22120.04\u202f%)"],
  ] as const) {
    it(`sets ${plain}`, () => expect(setNumber(plain)).to.equal(set));
  }
});

describe("slug", () => {
  it("leaves only what an id and a link may have", () => {
    expect(slug(`a b"c/d.perf.txt`)).to.equal("a-b-c-d-perf-txt");
  });
});
