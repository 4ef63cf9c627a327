/**
 * All that the page runs: a link to a ledger opens it; a table sorts by a column whose head is pressed; what a mark stands
 * for is said beside the pointer. Without scripts, ledgers open by hand, tables are in order, and marks have their titles.
 */
export const SCRIPT = `
(() => {
  const reveal = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (target === null || target.tagName !== "DETAILS") return;
    target.open = true;
    target.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  // The same link again changes no hash, and opens all the same.
  addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (link !== null && link.getAttribute("href") === location.hash) reveal();
  });
  reveal();

  const UNITS = { k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };
  const valueOf = (text) => {
    const found = /^([+\\u2212-]?)([\\d.,]+)(?:[\\s\\u202f]?(k|M|G|T|P|KiB|MiB|GiB|TiB)(?![A-Za-z]))?/.exec(text);
    if (found === null) return null;
    const size = Number(found[2].replace(/,/g, "")) * (UNITS[found[3]] ?? 1);
    return found[1] === "" || found[1] === "+" ? size : -size;
  };
  const sort = (head) => {
    const table = head.closest("table");
    const body = table.tBodies[0];
    const column = head.cellIndex;
    const up = head.getAttribute("aria-sort") === "descending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
    const rows = [...body.rows].map((row, i) => {
      const text = (row.cells[column]?.textContent ?? "").trim();
      return { row, i, text, value: valueOf(text) };
    });
    const order = (a, b) => {
      if (a.value !== null && b.value !== null) return a.value - b.value;
      if (a.value !== b.value) return a.value === null ? -1 : 1;
      return a.text < b.text ? -1 : a.text > b.text ? 1 : 0;
    };
    rows.sort((a, b) => (up ? order(a, b) : order(b, a)) || a.i - b.i);
    body.append(...rows.map(({ row }) => row));
  };
  for (const head of document.querySelectorAll("table.sortable > thead > tr > th")) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(head));
    head.append(button);
  }

  const tip = document.createElement("div");
  tip.id = "tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true");
  document.body.append(tip);
  let titled = null;
  const title = (mark) => [...mark.children].find((child) => child.tagName === "title") ?? null;
  addEventListener("pointermove", (event) => {
    let mark = event.target instanceof Element ? event.target : null;
    while (mark !== null && mark.tagName !== "svg" && title(mark) === null) mark = mark.parentElement;
    if (mark === null || mark.tagName === "svg" || mark.closest("svg[role='img']") === null) {
      tip.hidden = true;
      titled = null;
      return;
    }
    if (mark !== titled) tip.textContent = title(mark).textContent;
    titled = mark;
    tip.hidden = false;
    const width = document.documentElement.clientWidth;
    tip.style.left = Math.max(4, Math.min(event.clientX + 12, width - tip.offsetWidth - 4)) + "px";
    tip.style.top = (event.clientY + 18 + tip.offsetHeight > innerHeight ? event.clientY - tip.offsetHeight - 10 : event.clientY + 18) + "px";
  });
})();
`;
