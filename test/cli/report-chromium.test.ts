/**
 * The report in a browser: it asks for nothing, says nothing on the console, fits narrow and wide pages in
 * light and dark, and a link to a ledger opens it. Screenshots go to out/.
 */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import { chromium, type Browser, type Page } from "playwright-core";
import { growthPage } from "../../cli/report/growth-page.js";
import { renderReport } from "../../cli/report/report.js";
import { evaluationFixture } from "./evaluation-fixture.js";
import { growthFixture } from "./growth-fixture.js";

const CHROMIUM = "/usr/bin/chromium";
const OUT = join(__dirname, "..", "..", "out", "report-test");

const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

describe("the report in a browser", function () {
  this.timeout(60_000);
  const file = join(OUT, "report.html");
  const url = pathToFileURL(file).href;
  let browser: Browser | undefined;

  before(async function () {
    if (!existsSync(CHROMIUM)) {
      // CI sets it: there, a missing browser is a failure.
      if (process.env.PVTWIN_NEEDS_CHROMIUM !== undefined)
        throw new Error(`${CHROMIUM} is missing: apt-get install chromium`);
      process.stderr.write(`    skipped: ${CHROMIUM} is missing; apt-get install chromium\n`);
      this.skip();
    }
    mkdirSync(OUT, { recursive: true });
    writeFileSync(file, renderReport(evaluationFixture()));
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  });

  after(async () => browser?.close());

  /** The page at a width and in a scheme, and what it said and asked for. */
  async function open(width: number, colorScheme: "light" | "dark", hash = "", at = url) {
    const page = await browser!.newPage({ viewport: { width, height: 900 }, colorScheme });
    const said: string[] = [];
    const asked: string[] = [];
    page.on("console", (message) => said.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => said.push(String(error)));
    page.on("request", (request) => asked.push(request.url()));
    await page.goto(at + hash);
    return { page, said, asked };
  }

  for (const width of [400, 1280]) {
    for (const scheme of ["light", "dark"] as const) {
      it(`fits ${width} pixels in ${scheme}, says nothing and asks for nothing`, async () => {
        const { page, said, asked } = await open(width, scheme);
        await page.screenshot({ path: join(OUT, `report-${width}-${scheme}.png`), fullPage: true });
        expect(await overflow(page)).to.deep.equal([]);
        await page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true");
        expect(await overflow(page), "with all ledgers open").to.deep.equal([]);
        expect(said).to.deep.equal([]);
        expect(asked).to.deep.equal([url]);
        await page.close();
      });

      it(`has text that stands out from the page at ${width} pixels in ${scheme}`, async () => {
        const { page } = await open(width, scheme);
        expect(await faintText(page)).to.deep.equal([]);
        await page.close();
      });
    }
  }

  for (const width of [400, 1280]) {
    it(`shows how costs grow on ${width} pixels, says nothing and asks for nothing`, async () => {
      const growth = join(OUT, "growth.html");
      writeFileSync(growth, growthPage("vcpus", growthFixture(), "pvtwin sweep vcpus.yaml --out out"));
      const { page, said, asked } = await open(width, "light", "", pathToFileURL(growth).href);
      await page.screenshot({ path: join(OUT, `growth-${width}-light.png`), fullPage: true });
      await page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true");
      expect(await overflow(page)).to.deep.equal([]);
      expect(await faintText(page)).to.deep.equal([]);
      expect([said, asked.length]).to.deep.equal([[], 1]);
      await page.close();
    });
  }

  it("is dark where the reader's system is, and light elsewhere", async () => {
    const paper: string[] = [];
    for (const scheme of ["light", "dark"] as const) {
      const { page } = await open(1000, scheme);
      paper.push(await page.evaluate("getComputedStyle(document.body).backgroundColor"));
      await page.close();
    }
    expect(paper).to.deep.equal(["rgb(253, 253, 251)", "rgb(21, 23, 26)"]);
  });

  it("opens the ledger that a cell of the cost table leads to", async () => {
    const { page, said } = await open(1400, "light");
    const ledger = page.locator("#ledger-linux-per-thread-2-node_workers");
    expect(await ledger.getAttribute("open")).to.equal(null);
    await page.locator('a[href="#ledger-linux-per-thread-2-node_workers"]').click();
    await page.waitForSelector("#ledger-linux-per-thread-2-node_workers[open]");
    expect(await ledger.locator("table.ledger").isVisible()).to.equal(true);
    await page.screenshot({ path: join(OUT, "ledger-1400-light.png") });

    await ledger.locator("summary").click(); // close it, and follow the same link again
    await page.locator('a[href="#ledger-linux-per-thread-2-node_workers"]').click();
    await page.waitForSelector("#ledger-linux-per-thread-2-node_workers[open]");
    expect(said).to.deep.equal([]);
    await page.close();
  });

  it("sorts a table by the column whose head is pressed, and back", async () => {
    const { page, said } = await open(1280, "light");
    const order = () =>
      page.evaluate(
        `[...document.querySelectorAll("table.cells tbody tr")].map((row) => parseFloat(row.cells[2].textContent.trim().replace("\u2212", "-").replace("+", "")))`,
      ) as Promise<number[]>;
    const head = page.locator("table.cells thead th").nth(2);
    const before = await order();
    await head.locator("button").click();
    expect(await head.getAttribute("aria-sort")).to.equal("descending");
    const down = await page.evaluate('document.querySelector("table.cells tbody th").textContent.trim()');
    await head.locator("button").click();
    expect(await head.getAttribute("aria-sort")).to.equal("ascending");
    const up = await page.evaluate('document.querySelector("table.cells tbody th").textContent.trim()');
    expect(down).to.not.equal(up);
    expect([...(await order())].sort()).to.deep.equal([...before].sort());
    expect(said).to.deep.equal([]);
    await page.close();
  });

  it("says what a mark stands for where the pointer rests on it", async () => {
    const { page, said } = await open(1280, "light");
    const mark = page.locator("#causes-1 rect.part").first();
    const title = await mark.locator("title").textContent();
    await mark.scrollIntoViewIfNeeded();
    await mark.hover();
    expect(await page.locator("#tip").textContent()).to.equal(title);
    expect(await page.locator("#tip").isVisible()).to.equal(true);
    await page.screenshot({ path: join(OUT, "hover-1280-light.png") });
    await page.mouse.move(2, 2);
    expect(await page.locator("#tip").isVisible()).to.equal(false);
    expect(said).to.deep.equal([]);
    await page.close();
  });

  it("opens the ledger that its address names", async () => {
    const { page } = await open(400, "dark", "#ledger-xpti-1-make_j2");
    await page.waitForSelector("#ledger-xpti-1-make_j2[open]");
    await page.screenshot({ path: join(OUT, "ledger-400-dark.png") });
    await page.close();
  });

  it("runs no script that came with a name", async () => {
    const evaluation = evaluationFixture();
    const hostile = `"><img src=x onerror=alert(1)><script>alert(2)</script>`;
    const workloads = evaluation.workloads.map((w, i) => (i === 0 ? { ...w, name: hostile } : w));
    const other = join(OUT, "hostile.html");
    writeFileSync(other, renderReport({ ...evaluation, workloads }));
    const { page, said, asked } = await open(1000, "light", "", pathToFileURL(other).href);
    expect(said).to.deep.equal([]);
    expect(asked).to.have.lengthOf(1);
    expect(await page.locator("h3#recording-1").textContent()).to.equal(hostile);
    await page.close();
  });

  it("prints in black on white, whatever the scheme", async () => {
    const { page } = await open(1000, "dark");
    await page.emulateMedia({ media: "print", colorScheme: "dark" });
    expect(await page.evaluate("getComputedStyle(document.body).backgroundColor")).to.equal(
      "rgb(255, 255, 255)",
    );
    await page.pdf({ path: join(OUT, "report.pdf"), format: "A4" });
    await page.close();
  });
});

/** The page's own overflow, and elements that stick out of it without a box that scrolls. */
function overflow(page: Page): Promise<string[]> {
  return page.evaluate(`(() => {
    const width = document.documentElement.clientWidth;
    const out = document.documentElement.scrollWidth > width ? ["the page scrolls sideways"] : [];
    for (const element of document.querySelectorAll("body *")) {
      const { right, width: own } = element.getBoundingClientRect();
      if (own > 0 && right > width + 1 && element.closest(".scroll, svg") === null) out.push(element.outerHTML.slice(0, 80));
    }
    return out;
  })()`);
}

/** Visible text whose contrast with the page is below 4.5 (WCAG 2, AA). */
function faintText(page: Page): Promise<string[]> {
  return page.evaluate(`(() => {
    const light = (css) => {
      const [r, g, b] = css.match(/[\\d.]+/g).map((n) => (n /= 255) <= 0.04045 ? n / 12.92 : ((n + 0.055) / 1.055) ** 2.4);
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const paper = light(getComputedStyle(document.body).backgroundColor);
    const faint = new Set();
    for (const element of document.querySelectorAll("p, li, th, td, a, small, summary, caption, span, h1, h2, h3, svg text")) {
      const style = getComputedStyle(element);
      const ink = light(element.closest("svg") === null ? style.color : style.fill);
      const contrast = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
      if (contrast < 4.5) faint.add(element.tagName + "." + element.getAttribute("class") + " " + contrast.toFixed(1));
    }
    return [...faint];
  })()`);
}
