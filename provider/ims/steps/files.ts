import * as crypto from "node:crypto";
import * as path from "node:path";
import { addTree } from "../../process/treeDigest";
import type { Problem } from "../../resource/problem";
import type { Step } from "./schema";

/** Local files that a step takes into the image, or runs with: where they stand in the inputs, and their path. */
function localFiles(step: Step): { path: (string | number)[]; file: string }[] {
    return [
        ...(step.script === undefined ? [] : [{ path: ["script"], file: step.script }]),
        ...(step.upload === undefined ? [] : [{ path: ["upload"], file: step.upload }]),
        // Roles, templates and variables lie beside a playbook.
        ...(step.ansible === undefined
            ? []
            : [step.ansible.playbook, path.dirname(step.ansible.playbook)].map((file) => ({
                  ...{ path: ["ansible", "playbook"], file },
              }))),
    ];
}

/**
 * One digest over everything local that the steps use: names, executable bits and bytes, and neither times nor the
 * folder it lies in. Files that are missing are problems, each by itself.
 */
export async function digestSteps(
    steps: readonly Step[],
    projectDir: string,
): Promise<{ digest: string | undefined; problems: Problem[] }> {
    const hash = crypto.createHash("sha256");
    const problems: Problem[] = [];
    let count = 0;
    for (const [index, step] of steps.entries()) {
        for (const { path: place, file } of localFiles(step)) {
            const full = path.resolve(projectDir, file);
            if (isAround(full, projectDir)) {
                problems.push({ path: ["steps", index, ...place], message: OWN_FOLDER });
                break;
            }
            try {
                await addTree(hash, full);
                count++;
            } catch (error) {
                problems.push({ path: ["steps", index, ...place], message: fault(file, error) });
                break;
            }
        }
    }
    return { digest: count === 0 ? undefined : hash.digest("hex"), problems };
}

const OWN_FOLDER =
    "must be in a folder of its own below the program's, such as ansible/site.yml: everything in it counts for " +
    "whether the image is made anew";

/** Whether the program itself lies in a folder. */
function isAround(folder: string, projectDir: string): boolean {
    return !path.relative(folder, projectDir).startsWith("..");
}

function fault(file: string, error: unknown): string {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return `there is no ${file} (the path is relative to the program's folder)`;
    return `${file} cannot be read (${code ?? (error as Error).message})`;
}
