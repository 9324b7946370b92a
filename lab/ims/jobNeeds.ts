import { spawnSync } from "node:child_process";
import { missingTools, type Tool } from "../tools";

/** What a job and its base image are made with, by the Debian package that has it. */
const TOOLS: readonly Tool[] = [
    ["mksquashfs", "squashfs-tools"],
    ["unsquashfs", "squashfs-tools"],
    ["busybox", "busybox-static"],
    ["sshd", "openssh-server"],
    ["ssh-keygen", "openssh-client"],
    ["unshare", "util-linux"],
    ["setpriv", "util-linux"],
    ["apt-get", "apt"],
    ["dpkg-deb", "dpkg"],
];

/** Fails with what to install where a customization job cannot run: it is a real one. */
export function assertJobsCanRun(): void {
    const reason = lacking();
    if (reason !== undefined)
        throw new Error(`The lab's IMS runs real customization jobs, for which ${reason}`);
}

function lacking(): string | undefined {
    if (process.platform !== "linux") return "it needs Linux.";
    const missing = missingTools(TOOLS);
    if (missing !== undefined) return missing;
    // Without being root one can still be it in a user namespace of one's own.
    const user = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user", "--map-auto"];
    const tried = spawnSync("unshare", [...user, "--mount", "--pid", "--fork", "true"], { encoding: "utf8" });
    if (tried.status === 0) return undefined;
    return (
        `it must be allowed to mount (${tried.stderr.trim()}): run it as root, or with user namespaces (package ` +
        "uidmap, and a range for you in /etc/subuid and /etc/subgid)."
    );
}
