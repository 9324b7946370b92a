import { EdgeError } from "../resource/errors";
import { quote } from "../process/quote";
import type { ImageRoot } from "./steps/imageRoot";

/** What tells whether kernel modules and initrd have changed; empty where the image cannot tell. */
export interface BootFingerprint {
    readonly modules: string;
    readonly initrd: string;
}

export async function fingerprintBoot(
    root: ImageRoot,
    initrd: string,
    signal: AbortSignal,
): Promise<BootFingerprint> {
    const sum = async (script: string): Promise<string> => {
        const { code, stdout } = await root.tryShell(script, { title: "looking at /boot", signal });
        return code === 0 ? stdout.trim() : "";
    };
    const file = quote(`/boot/${initrd}`);
    return {
        modules: await sum("ls -lR --time-style=full-iso /lib/modules || ls -lR /lib/modules"),
        initrd: await sum(`ls -lL --time-style=full-iso ${file} || ls -lL ${file}`),
    };
}

/**
 * What IMS would find out only after the session is over: kernel and initrd have to be regular files under the names
 * that the job was given. Links inside the image are followed; an absolute one leads out of it when it is packed, also
 * as the second of two.
 */
export async function checkBeforePacking(
    root: ImageRoot,
    names: { readonly kernel: string; readonly initrd: string },
    signal: AbortSignal,
): Promise<void> {
    const options = { title: "looking at /boot", signal };
    const problems: string[] = [];
    for (const [input, name] of [
        ["kernelFileName", names.kernel],
        ["initrdFileName", names.initrd],
    ] as const) {
        const file = quote(`/boot/${name}`);
        const { stdout } = await root.tryShell(
            `at=${file}
for hop in 1 2 3 4 5 6 7 8; do
    [ -L "$at" ] || break
    to=$(readlink "$at")
    case "$to" in /*) echo absolute; exit;; esac
    at=\${at%/*}/$to
done
[ -f ${file} ] && echo fine || echo missing`,
            options,
        );
        if (stdout.trim() === "missing") problems.push(`/boot/${name} is no regular file (${input})`);
        if (stdout.trim() === "absolute") {
            problems.push(
                `/boot/${name} is an absolute link, which IMS cannot follow when it packs the image (${input})`,
            );
        }
    }
    const { stdout: authority } = await root.tryShell(
        "[ -f /etc/cray/ca/certificate_authority.crt ] && echo fine || echo missing",
        { ...options, title: "looking for the site's CA" },
    );
    if (authority.trim() === "missing") {
        problems.push(
            "the site's CA certificate, which IMS puts at /etc/cray/ca/certificate_authority.crt, is gone",
        );
    }
    if (problems.length === 0) return;
    const { stdout: listing } = await root.tryShell("ls -l /boot", options);
    throw new EdgeError(
        `the image cannot be packed:\n${problems.map((problem) => `  - ${problem}`).join("\n")}\n/boot holds:\n${listing.trimEnd()}`,
    );
}
