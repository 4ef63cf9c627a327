import { expect } from "chai";
import { Header, readHeader } from "../../../experiments/import/header.js";
import { COMM_COLUMNS, type Form } from "../../../experiments/import/line.js";
import { readPaddedHeader } from "../../../experiments/import/padded-header.js";
import { Scanner } from "../../../experiments/import/scan.js";
import { lines } from "./recorded-lines.js";

describe("readPaddedHeader", () => {
  for (const [file, form, least] of [
    ["odd_names.perf.txt.gz", "perf", 1750],
    ["odd_names.tracecmd.txt.gz", "tracecmd", 1771],
    ["damaged/default_fields_no_tgid.perf.txt", "perf", 200],
    ["damaged/truncated_in_the_middle.perf.txt", "perf", 230],
    ["damaged/two_lines_run_together.perf.txt", "perf", 230],
    ["damaged/absurd_numbers.perf.txt", "perf", 230],
    ["damaged/binary_garbage.perf.txt", "perf", 100],
    ["damaged/lost_events.tracecmd.txt", "tracecmd", 0],
  ] as [string, Form, number][]) {
    it(`reads what readHeader reads of ${file}, or leaves the line to it`, () => {
      let read = 0;
      for (const line of lines(file)) {
        const fast = new Header();
        if (!readPaddedHeader(line, 0, line.length, form, fast)) continue;
        const plain = new Header();
        const found = readHeader(new Scanner(), line, 0, COMM_COLUMNS, line.length, form, plain);
        expect(found, line.toString()).to.equal(true);
        expect(fast, line.toString()).to.deep.equal(plain);
        read++;
      }
      expect(read).to.be.at.least(least);
    });
  }

  it("reads nothing of the next line", () => {
    const whole = Buffer.from("            true 7/7 [000] 1.5: irq_vectors:local_timer_entry: vector=236");
    for (let end = 0; end <= whole.indexOf("irq"); end++) {
      expect(readPaddedHeader(whole, 0, end, "perf", new Header()), String(end)).to.equal(false);
    }
    expect(readPaddedHeader(whole, 0, whole.length, "perf", new Header())).to.equal(true);
  });
});
