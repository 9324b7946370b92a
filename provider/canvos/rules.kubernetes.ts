import { oneOf } from "../resource/problem";
import { fipsProblem, versionsNear } from "./kubernetesVersions";
import { makes, problem, warning, type Finding, type PlannedBuild } from "./rules.planned";

/** Distribution and version against what the checkout builds. */
export function kubernetesFindings(build: PlannedBuild): Finding[] {
    const distribution = build.value("K8S_DISTRIBUTION");
    return [
        ...versionFindings(build, distribution),
        ...fipsFindings(build, distribution),
        ...nodeadmFindings(build, distribution),
    ];
}

function versionFindings(build: PlannedBuild, distribution: string): Finding[] {
    const { versions, earthfile } = build.checkout;
    const version = build.value("K8S_VERSION");
    const loops = makes(build, "providerImages");
    if (versions === undefined) {
        return version !== "" && loops ? [ignoredVersion(version, earthfile.writtenVersions)] : [];
    }
    const listed = versions[distribution] ?? [];
    if (listed.length === 0) {
        const known = oneOf(Object.keys(versions).filter((each) => (versions[each] ?? []).length > 0));
        if (version === "" && !loops) return [];
        return [
            problem(
                "k8sDistribution",
                `the checkout's k8s_version.json lists no version of ${distribution || "an empty distribution"}, and CanvOS ` +
                    `would build nothing and call it a success: use ${known}`,
            ),
        ];
    }
    if (version === "") return loops ? [everyVersion(distribution, listed.length)] : [];
    if (listed.includes(version)) return [];
    return [
        problem(
            "k8sVersion",
            `the checkout's k8s_version.json has no ${version} of ${distribution}: it has ${oneOf(versionsNear(version, listed))}`,
        ),
    ];
}

function ignoredVersion(version: string, written: readonly string[]): Finding {
    const list = written.length === 0 ? "the versions" : written.join(", ");
    return problem(
        "k8sVersion",
        `this version of CanvOS ignores it in build-provider-images and builds ${list} of its Earthfile: leave it out, or ` +
            `build the targets provider-image, iso-image and iso, which take ${version}`,
    );
}

function everyVersion(distribution: string, count: number): Finding {
    return warning(
        "k8sVersion",
        `is not given: CanvOS builds an image of some gigabytes for each of the ${count} versions of ${distribution}`,
    );
}

function fipsFindings(build: PlannedBuild, distribution: string): Finding[] {
    const isFips =
        build.value("FIPS_ENABLED") === "true" || build.targets.includes("build-provider-images-fips");
    if (!isFips) {
        return distribution === "kubeadm-fips"
            ? [
                  warning(
                      "fipsEnabled",
                      "is not set: kubeadm-fips is put on a system without FIPS-validated parts",
                  ),
              ]
            : [];
    }
    const findings: Finding[] = [];
    const unfit = fipsProblem(distribution);
    if (unfit !== undefined) findings.push(problem("k8sDistribution", unfit));
    if (build.value("UPDATE_KERNEL") === "true") {
        findings.push(
            problem(
                "updateKernel",
                "cannot be with fipsEnabled: the newest kernel of the distribution is not the validated one",
            ),
        );
    }
    return findings;
}

function nodeadmFindings(build: PlannedBuild, distribution: string): Finding[] {
    if (distribution !== "nodeadm") return [];
    if (build.value("OS_DISTRIBUTION") === "ubuntu" && build.value("ARCH") === "amd64") return [];
    return [problem("k8sDistribution", "nodeadm is built for ubuntu on amd64 only")];
}
