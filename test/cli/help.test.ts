import { execFileSync, spawnSync } from "node:child_process";
import { expect } from "chai";
import { listCommands } from "../../cli/main.js";

describe("pvtwin --help", () => {
  const squeezed = (text: string) => text.replace(/\s+/g, " ");
  const help = (...args: string[]) =>
    execFileSync(process.execPath, ["bin/pvtwin.js", ...args], { encoding: "utf8" });

  it("lists every command as its own file registers it", () => {
    const said = squeezed(help("--help"));
    for (const { term, description } of listCommands())
      expect(said).to.include(squeezed(`${term} ${description}`));
  });

  it("loads no command, and no library but commander's", () => {
    const loaded = execFileSync(
      process.execPath,
      [
        "-e",
        `require("./dist/cli/main.js").main(["--help"]).then(() => console.log(Object.keys(require.cache).join("\\n")))`,
      ],
      { encoding: "utf8" },
    );
    const files = loaded.split("\n").filter((line) => line.endsWith(".js"));
    expect(files.filter((file) => !/commander|cli.main\.js|abi.bad-input\.js/.test(file))).to.deep.equal([]);
  });

  it("ends without a word where nobody reads on", () => {
    const script = '"$0" bin/pvtwin.js check --help | true; exit "${PIPESTATUS[0]}"';
    const { stderr, status } = spawnSync("bash", ["-c", script, process.execPath], { encoding: "utf8" });
    expect(stderr).to.equal("");
    expect(status).to.equal(128 + 13);
  });
});
