// What the compiler does not see. Layout is prettier's business; names are style's: upstream spellings
// (mod_l4_entry, MMUEXT_PIN_L4_TABLE) stand as they are, so there is no rule about case.
import eslint from "@eslint/js";
import globals from "globals";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist/", "out/", "recordings/", "test/data/", "coverage/", "elfnotes/wasm/"] }, // AssemblyScript is asc's to check
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  eslint.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { project: "./tsconfig.json", tsconfigRootDir: import.meta.dirname } },
    rules: {
      // Typed arrays are read within bounds that a loop knows; `!` says so to the reader.
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/no-unnecessary-type-assertion": "off",
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true },
      ],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      "@typescript-eslint/require-await": "off", // an interface may be asynchronous where one answer is not
      "@typescript-eslint/unbound-method": "off", // steps of a path are plain functions in a table
      "@typescript-eslint/no-empty-function": "off", // a policy that does nothing is a policy
      "@typescript-eslint/prefer-for-of": "off",
      "no-constant-condition": ["error", { checkLoops: false }],
      eqeqeq: "error",
      "no-var": "error",
      "prefer-const": "error",
    },
  },
  {
    // chai's claims are expressions: expect(x).to.be.true.
    files: ["test/**/*.ts"],
    rules: {
      "@typescript-eslint/no-unused-expressions": "off",
      "@typescript-eslint/no-unsafe-assignment": "off", // JSON documents are looked into as they come
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-unsafe-call": "off",
      "@typescript-eslint/no-unsafe-return": "off",
    },
  },
  {
    // A model is a pure function of its state: no clock and no chance (style: a run prints its seed).
    files: [
      "abi/**/*.ts",
      "elfnotes/**/*.ts",
      "linux-mm-model/**/*.ts",
      "xen-model/**/*.ts",
      "machine/**/*.ts",
      "checker/**/*.ts",
    ],
    rules: {
      "no-restricted-properties": [
        "error",
        {
          object: "Math",
          property: "random",
          message: "a model is a pure function of its state; take a seed",
        },
        {
          object: "Date",
          property: "now",
          message: "a model is a pure function of its state; it has no clock",
        },
      ],
    },
  },
  {
    files: ["bin/*.js", "bench/**/*.js", "scripts/*.js", "**/*.cjs"],
    languageOptions: { sourceType: "commonjs", globals: globals.node },
  },
  { files: ["**/*.mjs"], languageOptions: { globals: globals.node } },
);
