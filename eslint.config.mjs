import js from "@eslint/js";
import tseslint from "typescript-eslint";

export default tseslint.config(
    { ignores: ["dist/", "dist.*/", "coverage/", ".lab/", ".test/", "node_modules/", "test/contract/data/"] },
    js.configs.recommended,
    {
        files: ["**/*.ts"],
        extends: [...tseslint.configs.strictTypeChecked, ...tseslint.configs.stylisticTypeChecked],
        languageOptions: {
            parserOptions: { project: "./tsconfig.json", tsconfigRootDir: import.meta.dirname },
        },
        rules: {
            // Numbers and booleans read well in messages; objects do not.
            "@typescript-eslint/restrict-template-expressions": [
                "error",
                { allowNumber: true, allowBoolean: true },
            ],
            "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
            "@typescript-eslint/consistent-type-imports": "error",
            "@typescript-eslint/consistent-type-definitions": ["error", "interface"],
            // Object maps are plain records with string keys all over Pulumi's protocol.
            "@typescript-eslint/no-dynamic-delete": "off",
            // Handlers share one signature; not each of them has something to wait for.
            "@typescript-eslint/require-await": "off",
        },
    },
    {
        files: ["test/**/*.ts"],
        // chai's property assertions are expressions.
        rules: { "@typescript-eslint/no-unused-expressions": "off" },
    },
    {
        files: ["**/*.mjs", "**/*.js"],
        languageOptions: {
            globals: { process: "readonly", console: "readonly", require: "readonly", module: "writable" },
        },
    },
);
