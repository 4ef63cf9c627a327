/** All that the page runs: a link to a ledger opens it. Without scripts, ledgers open by hand. */
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
})();
`;
