import { problem, type Finding, type PlannedBuild } from "./rules.planned";

/** What the appliance payload (DOCA, BlueField firmware) can be built into. */
export function applianceFindings(build: PlannedBuild): Finding[] {
    const { value, edgeAppliance } = build;
    if (edgeAppliance === undefined) return [];
    const findings: Finding[] = [];
    if (value("OS_DISTRIBUTION") !== "ubuntu") {
        findings.push(
            problem(
                "osDistribution",
                "must be ubuntu with edgeAppliance: DOCA is installed as Debian packages",
            ),
        );
    }
    if (value("ARCH") !== "amd64") {
        findings.push(
            problem("arch", "must be amd64 with edgeAppliance: its packages are for that architecture"),
        );
    }
    if (value("UPDATE_KERNEL") === "true") {
        findings.push(
            problem(
                "updateKernel",
                "must be false with edgeAppliance: DOCA's kernel modules are built for the base image's kernel, and would " +
                    "not be there for a newer one",
            ),
        );
    }
    if (value("IS_UKI") === "true") {
        findings.push(
            problem(
                "isUki",
                "must be false with edgeAppliance: the image of some 7 GB does not fit on the EFI partition of about 1 GB",
            ),
        );
    }
    return [...findings, ...firmwareFindings(build, edgeAppliance)];
}

function firmwareFindings({ value }: PlannedBuild, names: { doca?: string; bfb?: string }): Finding[] {
    const wanted = fullVersion(value("OS_VERSION"));
    return (["doca", "bfb"] as const).flatMap((field) => {
        const name = names[field];
        const made = name === undefined ? undefined : ubuntuOf(name);
        const path = ["edgeAppliance", field];
        if (name === undefined) return [];
        if (made !== undefined && made !== wanted) {
            return [
                {
                    path,
                    message: `${name} is made for Ubuntu ${made}, the image is Ubuntu ${wanted}: take the file for ${wanted}, or set osVersion`,
                },
            ];
        }
        if (field === "doca" && /[_-](?:arm64|aarch64)\.deb$/.test(name)) {
            return [{ path, message: `${name} is made for arm64, the image is amd64` }];
        }
        return [];
    });
}

/** `ubuntu2404` and `ubuntu-24.04` in the names of NVIDIA's files. */
function ubuntuOf(name: string): string | undefined {
    const [, year, month] = /ubuntu-?(\d\d)\.?(\d\d)/i.exec(name) ?? [];
    return year === undefined || month === undefined ? undefined : `${year}.${month}`;
}

/** CanvOS takes `22` for `22.04`. */
function fullVersion(version: string): string {
    return /^\d\d$/.test(version) ? `${version}.04` : version;
}
