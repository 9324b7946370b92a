import { z } from "zod";
import { EdgeError } from "../resource/errors";

/** The versions that a CanvOS release builds, by distribution. */
export type KubernetesVersions = Readonly<Record<string, readonly string[]>>;

const FORM = z.record(z.string(), z.array(z.string().regex(/^\d+\.\d+\.\d+$/)));

/** Reads a checkout's `k8s_version.json`. */
export function readKubernetesVersions(text: string): KubernetesVersions {
    let content: unknown;
    try {
        content = JSON.parse(text);
    } catch (error) {
        throw new EdgeError(
            `k8s_version.json of the checkout is not valid JSON: ${(error as Error).message}`,
        );
    }
    const read = FORM.safeParse(content);
    if (!read.success) {
        throw new EdgeError(
            "k8s_version.json of the checkout is no map of distributions to lists of versions",
        );
    }
    return read.data;
}

/** The listed versions that a user most likely meant: of the same minor version, else the newest ones. */
export function versionsNear(version: string, listed: readonly string[]): string[] {
    const minor = version.split(".").slice(0, 2).join(".");
    const same = listed.filter((each) => each.startsWith(`${minor}.`));
    return same.length > 0 ? same : listed.slice(-4);
}

/** Why a distribution cannot be built for FIPS. */
export function fipsProblem(distribution: string): string | undefined {
    switch (distribution) {
        case "k3s":
            return "k3s has no FIPS build: use rke2, or kubeadm-fips";
        case "kubeadm":
            return "kubeadm is not FIPS-validated, and would be built in as it is: use kubeadm-fips";
        default:
            return undefined;
    }
}
