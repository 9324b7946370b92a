import * as fs from "node:fs";
import { EdgeError } from "../resource/errors";

/** A build of OVMF: UEFI for virtual machines. */
export interface FirmwareFiles {
    code: string;
    /** Template of the variables; each machine gets a copy of its own. */
    vars: string;
    /** Built with Secure Boot, whose variables only System Management Mode may change. */
    secure: boolean;
}

const DEBIAN = "/usr/share/OVMF";
const FEDORA = "/usr/share/edk2/ovmf";
const ARCH = "/usr/share/edk2/x64";
const HOMEBREW = ["/opt/homebrew/share/qemu", "/usr/local/share/qemu"] as const;
/** Where QEMU's own build puts the firmware it carries. */
const QEMU = "/usr/share/qemu";

type Pair = readonly [code: string, vars: string];

const PLAIN: readonly Pair[] = [
    [`${DEBIAN}/OVMF_CODE_4M.fd`, `${DEBIAN}/OVMF_VARS_4M.fd`],
    [`${DEBIAN}/OVMF_CODE.fd`, `${DEBIAN}/OVMF_VARS.fd`],
    [`${FEDORA}/OVMF_CODE.fd`, `${FEDORA}/OVMF_VARS.fd`],
    [`${ARCH}/OVMF_CODE.4m.fd`, `${ARCH}/OVMF_VARS.4m.fd`],
    [`${ARCH}/OVMF_CODE.fd`, `${ARCH}/OVMF_VARS.fd`],
    ...[...HOMEBREW, QEMU].map((folder): Pair => [
        `${folder}/edk2-x86_64-code.fd`,
        `${folder}/edk2-i386-vars.fd`,
    ]),
];

const SECURE: readonly Pair[] = [
    [`${DEBIAN}/OVMF_CODE_4M.secboot.fd`, `${DEBIAN}/OVMF_VARS_4M.fd`],
    [`${DEBIAN}/OVMF_CODE.secboot.fd`, `${DEBIAN}/OVMF_VARS.fd`],
    [`${FEDORA}/OVMF_CODE.secboot.fd`, `${FEDORA}/OVMF_VARS.fd`],
    [`${ARCH}/OVMF_CODE.secboot.4m.fd`, `${ARCH}/OVMF_VARS.4m.fd`],
    [`${ARCH}/OVMF_CODE.secboot.fd`, `${ARCH}/OVMF_VARS.fd`],
    ...[...HOMEBREW, QEMU].map((folder): Pair => [
        `${folder}/edk2-x86_64-secure-code.fd`,
        `${folder}/edk2-i386-vars.fd`,
    ]),
];

/** The firmware of this machine's distribution. `EDGE_OS_OVMF_CODE` and `EDGE_OS_OVMF_VARS` name another. */
export function findFirmware(
    secure: boolean,
    env: Readonly<Record<string, string | undefined>> = process.env,
    exists: (file: string) => boolean = fs.existsSync,
): FirmwareFiles {
    const { EDGE_OS_OVMF_CODE: code, EDGE_OS_OVMF_VARS: vars } = env;
    if (code && vars) {
        const absent = [code, vars].find((file) => !exists(file));
        if (absent === undefined) return { code, vars, secure };
        throw new EdgeError(`there is no file ${absent}, which EDGE_OS_OVMF_CODE or EDGE_OS_OVMF_VARS names`);
    }
    const found = (secure ? SECURE : PLAIN).find((pair) => pair.every(exists));
    if (found) return { code: found[0], vars: found[1], secure };
    throw new EdgeError(
        `UEFI firmware for QEMU${secure ? " with Secure Boot" : ""} (OVMF) is not installed: ` +
            "Debian and Ubuntu: apt install ovmf; Fedora: dnf install edk2-ovmf; Arch: pacman -S edk2-ovmf; " +
            "macOS: brew install qemu brings it. Or name its files with EDGE_OS_OVMF_CODE and EDGE_OS_OVMF_VARS",
    );
}
