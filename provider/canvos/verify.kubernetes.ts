import { failed, type ImageCheck, notChecked, passed } from "../image/check";
import type { LayerNode } from "./layers.node";
import type { LayerTree } from "./layers.tree";
import type { BuildExpectations } from "./verify.types";

/** Programs that a distribution brings, each built with its version in it. */
const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
    kubeadm: ["kubeadm", "kubelet"],
    "kubeadm-fips": ["kubeadm", "kubelet"],
    nodeadm: ["kubelet"],
    k3s: ["k3s"],
    rke2: ["rke2"],
};

/** Kubernetes' programs are there, and of the version that the image's tag promises. */
export function judgeKubernetes(
    tree: LayerTree,
    { distribution, isBundled }: BuildExpectations["kubernetes"],
    version: string,
): ImageCheck[] {
    const programs = PROGRAMS[distribution];
    if (!programs) {
        return [
            notChecked(
                "provider.kubernetes",
                distribution,
                `the programs of ${distribution} do not tell their version`,
            ),
        ];
    }
    const found = tree.findFiles(new Set(programs));
    return programs.map((program) => {
        const id = `provider.kubernetes.${program}`;
        const files = found.filter(({ path, node }) => path.endsWith(`/${program}`) && isProgram(node));
        if (files.length > 0) return judgeVersion(id, files, version);
        return isBundled === undefined && found.length === 0
            ? notChecked(
                  id,
                  "absent",
                  `${program} is not in the image; CanvOS 4.10 leaves Kubernetes out where the base image's systemd is 255 or newer, ` +
                      "unless bundleK8sAndAgentProvider is set",
              )
            : failed(id, "absent", `${program} ${version} is not in the image`);
    });
}

function judgeVersion(
    id: string,
    files: readonly { path: string; node: LayerNode }[],
    version: string,
): ImageCheck {
    const wanted = `v${version}`;
    const match = files.find(({ node }) => node.versions?.includes(wanted));
    if (match) return passed(id, `${match.path}, ${wanted}`);
    const versions = [...new Set(files.flatMap(({ node }) => node.versions ?? []))];
    const seen = versions.slice(0, 5).join(", ") || "no version";
    // In a program, texts stand one behind the other: a digit after the version may belong to the next.
    if (versions.some((one) => one.startsWith(wanted))) {
        return notChecked(
            id,
            seen,
            `${files[0]?.path ?? ""} names ${seen}, from which ${wanted} cannot be told`,
        );
    }
    return failed(id, seen, `${files[0]?.path ?? ""} is not ${wanted}: it names ${seen}`);
}

function isProgram({ head, mode }: LayerNode): boolean {
    return (mode & 0o111) !== 0 && head?.toString("latin1", 0, 4) === "\x7fELF";
}
