/**
 * report.html: one file that holds all it needs, for a reader who was not there.
 *
 * It says the answer first, then the cost by recording, then what was held true, and at the end, for each
 * cell, the ledger that the number was added up from. It asks nothing of the network
 * (document.ts).
 */
import type { Evaluation } from "../../experiments/results.js";
import { cards } from "./cards.js";
import { costTable, figures } from "./cost.js";
import { openQuestionTable } from "../open-questions.js";
import { document } from "./document.js";
import { html } from "./html.js";
import { ledgers } from "./ledger.js";
import { hostFacts, method, workloadTable } from "./method.js";
import { propertyTable, violationTable } from "./properties.js";
import { sameWorkSection } from "./same-work.js";
import { secretsSection } from "./secrets-section.js";
import { answer, compatTable, verdictTable } from "./verdict.js";

/** The report of an evaluation; the same evaluation gives the same bytes. */
export function renderReport(evaluation: Evaluation): string {
  const { proposals, workloads, baseline } = evaluation;
  const body = html`
    <header>
      <h1>Who keeps each L4 to one pCPU, and what it costs</h1>
      <p class="lead">
        ${proposals.length} proposals on ${workloads.length}
        ${workloads.length === 1 ? "recording" : "recordings"}, as twin models of Linux 6.1's memory
        management (64-bit PV) and of Xen's pagetable audit.
      </p>
      <nav aria-label="Contents">
        <ul>
          <li><a href="#verdict">Verdict</a></li>
          <li><a href="#cards">Proposals</a></li>
          <li><a href="#cost">Cost</a></li>
          ${evaluation.proposals.some(({ secrets }) => secrets !== null) && html`<li><a href="#secrets">Secrets</a></li>`}
          ${evaluation.sameWork !== undefined && html`<li><a href="#same-work">Same work?</a></li>`}
          <li><a href="#properties">Properties</a></li>
          <li><a href="#guests">Old guests</a></li>
          <li><a href="#method">Method</a></li>
          <li><a href="#ledgers">Ledgers</a></li>
        </ul>
      </nav>
    </header>
    <main>
      <section aria-labelledby="verdict">
        <h2 id="verdict">Verdict</h2>
        ${answer(evaluation)} ${verdictTable(evaluation)}
      </section>
      <section aria-labelledby="cards">
        <h2 id="cards">Proposals</h2>
        ${cards(evaluation)}
      </section>
      <section aria-labelledby="cost">
        <h2 id="cost">Cost</h2>
        <p>
          Cycles in Xen and the processor that the pagetable work and mode switches of a recording take,
          against <b>${baseline}</b>. A bar ends at the likely value; the line runs from low to high. A hollow
          mark: the brackets leave open whether it is more or less.
        </p>
        ${costTable(evaluation)} ${openQuestionTable(evaluation)} ${figures(evaluation)}
      </section>
      ${secretsSection(evaluation)} ${sameWorkSection(evaluation)}
      <section aria-labelledby="properties">
        <h2 id="properties">Properties</h2>
        ${propertyTable(evaluation)}
        <h3 id="violations">First violations</h3>
        ${violationTable(evaluation)}
      </section>
      <section aria-labelledby="guests">
        <h2 id="guests">Old guests</h2>
        ${compatTable(evaluation)}
      </section>
      <section aria-labelledby="method">
        <h2 id="method">Method</h2>
        ${method(evaluation)} ${workloadTable(evaluation)}
      </section>
      <section aria-labelledby="ledgers">
        <h2 id="ledgers">Ledgers</h2>
        <p>
          From which events each cost was added up, how many there were and because of what, and how the price
          of one is made up.
        </p>
        ${ledgers(evaluation)}
      </section>
    </main>
    <footer>${hostFacts(evaluation)}</footer>
  `;
  return document("pvtwin: who keeps each L4 to one pCPU", body);
}
