import * as fs from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import * as yaml from "yaml";
import { closest } from "../resource/problem";
import { isRecord } from "../resource/unknown";
import { FIELD_SPELLINGS, unifySpellings, WITHOUT_EFFECT } from "./osProfile.spelling";

const MAX_BYTES = 1024 * 1024;
const PLAIN_FIELDS = [
    "name",
    "imageFormat",
    "securityFeature",
    "architecture",
    "profileName",
    "description",
    "metadata",
    "certificateFingerprint",
    "installedPackagesUrl",
];

/** The inputs of an OS profile from a file in orch-cli's form: the whole document, or its `spec` alone. */
export function readProfileYaml(file: string): Record<string, unknown> {
    const spec = specOf(file);
    const known = [...PLAIN_FIELDS, ...WITHOUT_EFFECT, ...Object.entries(FIELD_SPELLINGS).flat(2)];
    const unknown = Object.keys(spec).filter((key) => !known.includes(key));
    if (unknown.length > 0) {
        const lines = unknown.map((key) => {
            const meant = closest(key, known);
            return `  - spec has no ${JSON.stringify(key)}${meant ? `; did you mean ${meant}?` : ""}`;
        });
        throw problem(file, `is no OS profile EMF knows:\n${lines.join("\n")}`);
    }
    const given = Object.entries(spec).filter(
        // Empty stands for "not given": orch-cli's schema demands the keys.
        ([key, value]) => !WITHOUT_EFFECT.includes(key) && value !== "" && value !== null,
    );
    return unifySpellings(Object.fromEntries(given), (field, spelling) =>
        problem(file, `gives ${field} and ${spelling}, which are the same, with different values`),
    );
}

function specOf(file: string): Record<string, unknown> {
    let text: string;
    try {
        if (fs.statSync(file).size > MAX_BYTES) throw problem(file, "is larger than 1 MiB: no OS profile");
        text = fs.readFileSync(file, "utf8");
    } catch (error) {
        throw error instanceof pulumi.RunError
            ? error
            : problem(file, `cannot be read (${(error as Error).message})`);
    }
    let document: unknown;
    try {
        // Every scalar stays text: a digest such as 1e…6 must not become a number.
        document = yaml.parse(text, { schema: "failsafe" });
    } catch (error) {
        throw problem(file, `is not YAML: ${(error as Error).message.split("\n", 1)[0] ?? ""}`);
    }
    const spec = isRecord(document) && "spec" in document ? document.spec : document;
    if (!isRecord(spec)) throw problem(file, "must be a map with a map spec, as orch-cli's files are");
    return spec;
}

/** Shown by the CLI without a stack. */
function problem(file: string, text: string): pulumi.RunError {
    return new pulumi.RunError(`OS profile file ${file} ${text}`);
}
