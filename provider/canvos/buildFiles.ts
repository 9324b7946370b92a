import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { parseChecksums } from "../image/source/checksums";
import { addBytes } from "../process/treeDigest";
import { EdgeError } from "../resource/errors";
import type { BuildPlan } from "./build.plan";
import type { BuiltFile } from "./build.types";
import type { BuildFolder } from "./supervisor";

/** A file that a target has left beside images and ISO. */
export interface Artifact extends BuiltFile {
    /** Relative to the checkout: `build/kairos.raw`. */
    name: string;
}

type FilesPlan = Pick<BuildPlan, "targets" | "variables" | "makes" | "isoName">;

const KEY_TARGETS = ["uki-genkey", "uki-byok", "secure-boot-dirs"];

/** Where targets leave their files. Keys lie where a program may have put its own, too. */
function foldersOf({ targets }: FilesPlan): string[] {
    const makesKeys = targets.some((target) => KEY_TARGETS.includes(target));
    return ["build", "trusted-boot", ...(makesKeys ? ["secure-boot"] : [])];
}

/** Names that a target must have left, by their beginning and end: CanvOS's scripts go on when a tool of theirs fails. */
function wantedOf({ targets, variables }: FilesPlan): { target: string; form: RegExp; name: string }[] {
    const maas = variables.MAAS_IMAGE_NAME ?? "kairos-ubuntu-maas";
    const forms: Readonly<Record<string, string>> = {
        "kairos-raw-image": "build/kairos.raw",
        "maas-image": `build/${maas}.raw.gz`,
        "cloud-image": "build/*.raw",
        "iso-efi-size-check": "build/efi-size-check.iso",
        "uki-genkey": "secure-boot/*",
    };
    return targets.flatMap((target) => {
        const name = forms[target];
        if (name === undefined) return [];
        const form = new RegExp(`^${name.split("*").map(literally).join(".+")}$`);
        return [{ target, form, name }];
    });
}

/** Every file that the targets have left, without the installer ISO and without checksum files, which are held to. */
export async function collectFiles(plan: FilesPlan, { tree, log }: BuildFolder): Promise<Artifact[]> {
    const iso = `build/${plan.isoName}.iso`;
    const names = foldersOf(plan)
        .flatMap((folder) => filesBelow(tree, folder))
        .filter((name) => !name.endsWith(".sha256") && !(plan.makes.iso && name === iso));
    const missing = wantedOf(plan).filter(({ form }) => !names.some((name) => form.test(name)));
    if (missing.length > 0) {
        const said = missing.map(({ target, name }) => `+${target} has not made ${name}`).join(", ");
        throw new EdgeError(
            `the build ended without an error, and ${said}. It has left ${names.join(", ") || "nothing"}. Its log: ${log}`,
        );
    }
    const found: Artifact[] = [];
    for (const name of names.sort()) found.push({ name, ...(await readFile(path.join(tree, name), name)) });
    return found;
}

/** Size and digest of a file; the digest that stands beside it must be the same. */
export async function readFile(file: string, name: string): Promise<BuiltFile> {
    const hash = crypto.createHash("sha256");
    await addBytes(hash, file);
    const sha256 = hash.digest("hex");
    const sums = `${file}.sha256`;
    if (fs.existsSync(sums)) {
        const said = parseChecksums(fs.readFileSync(sums, "utf8")).checksums.map((each) => each.sha256);
        if (said.length > 0 && !said.includes(sha256)) {
            throw new EdgeError(
                `${name} has the SHA-256 ${sha256}, and the file beside it says ${said.join(", ")}: it was damaged`,
            );
        }
    }
    return { path: file, sizeBytes: fs.statSync(file).size, sha256 };
}

function filesBelow(tree: string, folder: string): string[] {
    const root = path.join(tree, folder);
    if (!fs.existsSync(root)) return [];
    return fs
        .readdirSync(root, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => path.relative(tree, path.join(entry.parentPath, entry.name)));
}

function literally(text: string): string {
    return text.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
}
