import { closest } from "../resource/problem";
import { fieldOf, givenVariables } from "./arguments.schema";
import { problem, warning, type Finding, type PlannedBuild } from "./rules.planned";

/** `earthly.sh` makes this one itself, out of others. */
const SCRIPT_TARGETS = ["maas-image"];

/** What the arguments ask of a checkout that it does not have, or has in two ways. */
export function checkoutFindings(build: PlannedBuild): Finding[] {
    return [
        ...unknownTargets(build),
        ...nothingToValidate(build),
        ...unknownVariables(build),
        ...versionOfTwoMinds(build),
        ...emptyTag(build),
        ...expiringRegistry(build),
        ...partsElsewhere(build),
        ...secretsInTheOpen(build),
    ];
}

function unknownTargets({ targets, checkout }: PlannedBuild): Finding[] {
    const known = [...checkout.earthfile.targets, ...SCRIPT_TARGETS];
    return targets.flatMap((target, index) => {
        if (known.includes(target)) return [];
        const meant = closest(target, known);
        const hint = meant === undefined ? "" : ` Did you mean ${meant}?`;
        return [
            { path: ["targets", index], message: `the checkout's Earthfile has no target ${target}.${hint}` },
        ];
    });
}

/** The target finds no user-data, says so, and is a success. */
function nothingToValidate({ targets, hasUserData }: PlannedBuild): Finding[] {
    const index = targets.indexOf("validate-user-data");
    if (index < 0 || hasUserData === true) return [];
    return [
        {
            path: ["targets", index],
            message:
                "validate-user-data looks at nothing without userData, and calls it a success: give userData",
        },
    ];
}

function unknownVariables(build: PlannedBuild): Finding[] {
    const { earthfile, scriptVariables, tag } = build.checkout;
    return Object.keys(givenVariables(build.arguments)).flatMap((name) => {
        if (earthfile.declared.has(name) || scriptVariables.has(name)) return [];
        if (name.startsWith("CUSTOM_ARG_")) {
            return [...scriptVariables].some((each) => each.startsWith("CUSTOM_ARG_"))
                ? []
                : [
                      problem(
                          "customArgs",
                          `${name}: ${unknownTo(tag)}, so that the value would not reach the Dockerfile`,
                      ),
                  ];
        }
        const field = fieldOf(name);
        const message = `${unknownTo(tag)}: ${name} would be ignored without a word`;
        return [
            field === undefined
                ? warning("extraArgs", message)
                : problem(field, `${message}. Leave it out, or build a version that has it`),
        ];
    });
}

function unknownTo(tag: string | undefined): string {
    return `this version of CanvOS${tag === undefined ? "" : ` (${tag})`} does not know it`;
}

/** The printed profile takes the version from the git tag, the images from the Earthfile: some releases differ. */
function versionOfTwoMinds({ arguments: { peVersion }, checkout }: PlannedBuild): Finding[] {
    const built = checkout.earthfile.defaults.get("PE_VERSION") ?? "";
    const { tag } = checkout;
    if (peVersion !== undefined || tag === undefined || tag === built) return [];
    if (built === "") {
        return [problem("peVersion", "is required: the checkout's Earthfile has no PE_VERSION")];
    }
    return [
        problem(
            "peVersion",
            `the checkout's tag is ${tag}, its Earthfile builds ${built}, and the profile CanvOS prints names an image ` +
                `that is not built: give peVersion: "${built}" to build what the Earthfile says, or "${tag}"`,
        ),
    ];
}

function emptyTag({ exactTag, value }: PlannedBuild): Finding[] {
    if (exactTag !== true || value("CUSTOM_TAG") !== "") return [];
    return [
        problem(
            "customTag",
            "must not be empty with exactTag: the image's tag would end in the Palette version, the profile's system.uri " +
                "in one more dash, and hosts would not find the image",
        ),
    ];
}

function expiringRegistry({ arguments: { imageRegistry } }: PlannedBuild): Finding[] {
    if (!/^ttl\.sh(?:[:/]|$)/.test(imageRegistry)) return [];
    return [
        warning(
            "imageRegistry",
            "ttl.sh drops images after 24 hours, and anyone can overwrite them: hosts that are installed or upgraded " +
                "later will not find them. Use a registry of your own for anything but a try",
        ),
    ];
}

const SECRET_NAME = /(?:^|_)(?:TOKEN|PASSWORD|SECRET|CREDENTIALS?)(?:_|$)/;

/** CanvOS has no other way for a proxy's login; every value of these is in a file, and in the history of the image. */
function secretsInTheOpen({ arguments: given }: PlannedBuild): Finding[] {
    const why = "stands in clear in the build's .arg file, in the state, and in the history of the images";
    const variables = givenVariables(given);
    const proxies = (["httpProxy", "httpsProxy"] as const).flatMap((field) => {
        const url = given[field] ?? "";
        const hasPassword = URL.canParse(url) && new URL(url).password !== "";
        return hasPassword
            ? [
                  warning(
                      field,
                      `holds a password, which ${why}: take a proxy that knows this machine by its address`,
                  ),
              ]
            : [];
    });
    const named = Object.keys(variables)
        .filter((name) => fieldOf(name) === undefined && SECRET_NAME.test(name))
        .map((name) =>
            warning(
                name.startsWith("CUSTOM_ARG_") ? "customArgs" : "extraArgs",
                `${name} looks like a secret, which ${why}: hand it to the build in another way`,
            ),
        );
    return [...proxies, ...named];
}

function partsElsewhere({
    arguments: { spectroPubRepo, spectroThirdPartyImage },
    checkout,
}: PlannedBuild): Finding[] {
    const name = "SPECTRO_THIRD_PARTY_IMAGE";
    const fixed = checkout.earthfile.defaults.get(name) ?? "";
    if (spectroPubRepo === undefined || spectroThirdPartyImage !== undefined) return [];
    if (!checkout.earthfile.declared.has(name) || fixed.startsWith("$")) return [];
    return [
        warning(
            "spectroThirdPartyImage",
            `still comes from ${fixed}: it does not follow spectroPubRepo. Give its place in your registry, too`,
        ),
    ];
}
