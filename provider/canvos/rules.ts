import type { Problem } from "../resource/problem";
import { givenVariables, type CheckedArguments } from "./arguments.schema";
import { defaultOf } from "./earthfile";
import { applianceFindings } from "./rules.appliance";
import { checkoutFindings } from "./rules.checkout";
import { kubernetesFindings } from "./rules.kubernetes";
import type { Build, Checkout, PlannedBuild } from "./rules.planned";
import { systemFindings } from "./rules.system";

export type { Build, Checkout };

export interface Findings {
    problems: Problem[];
    warnings: Problem[];
}

/**
 * Variables of the `.arg` file to write: the template's with the given ones over them. The template's registry is
 * left out, since it expires, and its repository, since it follows the distribution.
 */
export function effectiveVariables(given: CheckedArguments, checkout: Checkout): Record<string, string> {
    const variables = Object.fromEntries(checkout.template);
    delete variables.IMAGE_REGISTRY;
    delete variables.IMAGE_REPO;
    const effective = { ...variables, ...givenVariables(given) };
    return { ...effective, IMAGE_REPO: effective.IMAGE_REPO ?? effective.OS_DISTRIBUTION ?? "" };
}

/** Everything that CanvOS would build wrong, or not at all, with the reason. */
export function judgeBuild(build: Build, checkout: Checkout): Findings {
    const variables = effectiveVariables(build.arguments, checkout);
    const planned: PlannedBuild = {
        ...build,
        checkout,
        value: (variable) => defaultOf(checkout.earthfile, variable, variables),
    };
    const findings = [
        ...checkoutFindings(planned),
        ...kubernetesFindings(planned),
        ...systemFindings(planned),
        ...applianceFindings(planned),
    ];
    const plain = (wanted: boolean): Problem[] =>
        findings
            .filter(({ isWarning }) => (isWarning ?? false) === wanted)
            .map(({ path, message }) => ({ path, message }));
    return { problems: plain(false), warnings: plain(true) };
}
