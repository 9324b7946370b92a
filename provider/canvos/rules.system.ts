import { makes, problem, warning, type Finding, type PlannedBuild } from "./rules.planned";

/** Operating system, architecture and the kind of image against each other. */
export function systemFindings(build: PlannedBuild): Finding[] {
    return [
        ...baseFindings(build),
        ...architectureFindings(build),
        ...trustedBootFindings(build),
        ...maasFindings(build),
        ...twoNodeFindings(build),
        ...gpuFindings(build),
    ];
}

const OWN_BASES = ["ubuntu", "opensuse-leap"];
const UBUNTU = ["20", "20.04", "22", "22.04", "24.04"];

function baseFindings({ value }: PlannedBuild): Finding[] {
    const system = value("OS_DISTRIBUTION");
    const version = value("OS_VERSION");
    if (value("BASE_IMAGE") !== "") return [];
    if (system === "") {
        return [problem("osDistribution", "is required: neither it nor a default of the checkout is there")];
    }
    if (!OWN_BASES.includes(system)) {
        return [
            problem(
                "baseImage",
                `is required for ${system}: CanvOS has no base image of it, and its build would fail with a message ` +
                    "about something else. Build one from CanvOS's folder for it, or give your own",
            ),
        ];
    }
    if (version === "") {
        return [problem("osVersion", `is required: the name of ${system}'s base image is made with it`)];
    }
    if (system === "ubuntu" && !UBUNTU.includes(version)) {
        return [
            warning(
                "osVersion",
                `CanvOS is known to have base images of Ubuntu ${UBUNTU.slice(1).join(", ")} only`,
            ),
        ];
    }
    if (system === "ubuntu" && version.startsWith("20")) {
        return [warning("osVersion", "Ubuntu 20.04 is deprecated by CanvOS: use 22.04 or 24.04")];
    }
    return [];
}

function architectureFindings(build: PlannedBuild): Finding[] {
    const arch = build.value("ARCH");
    if (arch === "" && makes(build, "iso")) {
        return [problem("arch", "is required: without it CanvOS builds no ISO, and calls it a success")];
    }
    if (build.value("BASE_IMAGE").includes("nvidia-jetson") && arch !== "arm64") {
        return [problem("arch", "must be arm64: the base image is one for Jetson modules")];
    }
    return [];
}

function trustedBootFindings(build: PlannedBuild): Finding[] {
    const { value, targets, checkout } = build;
    if (value("IS_UKI") !== "true") return [];
    const findings: Finding[] = [];
    const keys = targets.indexOf("uki-genkey");
    const first = targets.findIndex((target) => makes({ ...build, targets: [target] }, "iso"));
    const needsKeys = value("ARCH") === "amd64" && first >= 0 && !checkout.hasSecureBootKeys;
    if (needsKeys && keys < 0) {
        findings.push(
            problem(
                "isUki",
                "needs the keys in secure-boot/ of the checkout, and there are none: build the target uki-genkey first",
            ),
        );
    } else if (needsKeys && keys > first) {
        findings.push({
            path: ["targets", keys],
            message: `comes after ${targets[first] ?? ""}, which takes the keys that it makes: targets are built in their order, so name it first`,
        });
    }
    if (value("FORCE_INTERACTIVE_INSTALL") === "true") {
        findings.push(
            warning("forceInteractiveInstall", "has no effect with isUki, which has no such boot menu"),
        );
    }
    return findings;
}

function maasFindings({ value, targets }: PlannedBuild): Finding[] {
    if (value("IS_MAAS") !== "true" && !targets.includes("maas-image")) return [];
    return value("OS_DISTRIBUTION") === "ubuntu"
        ? []
        : [problem("osDistribution", "must be ubuntu for a MAAS image")];
}

function twoNodeFindings({ value }: PlannedBuild): Finding[] {
    if (value("TWO_NODE") !== "true") return [];
    if (OWN_BASES.includes(value("OS_DISTRIBUTION")) && value("ARCH") === "amd64") return [];
    return [problem("twoNode", "is built for ubuntu and opensuse-leap on amd64 only")];
}

function gpuFindings({ value }: PlannedBuild): Finding[] {
    const nvidia = value("INSTALL_NVIDIA_GPU_DRIVERS") === "true";
    const amd = value("INSTALL_AMD_GPU_DRIVERS") === "true";
    if (nvidia && amd) {
        return [
            problem(
                "installAmdGpuDrivers",
                "cannot be with installNvidiaGpuDrivers: an image has one of the two",
            ),
        ];
    }
    if ((nvidia || amd) && value("OS_DISTRIBUTION") !== "ubuntu") {
        const field = nvidia ? "installNvidiaGpuDrivers" : "installAmdGpuDrivers";
        return [warning(field, "is made for Ubuntu's base images only")];
    }
    return [];
}
