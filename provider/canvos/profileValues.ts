const OPTIONS = ".spectro.pack.edge-native-byoi.options";

export interface ProfileParts {
    registry: string;
    repo: string;
    k8sDistribution: string;
    osName: string;
    osVersion: string;
    peVersion: string;
    customTag: string;
    /** The image itself, where there is one; else its name is made of the parts, with the profile's Kubernetes version. */
    systemUri?: string;
}

/**
 * Values of the pack `edge-native-byoi`, to replace all of them in a cluster profile. CanvOS prints the like from the
 * variables of a shell, which are not always what was built.
 */
export function profileValues(parts: ProfileParts): string {
    const values: [key: string, value: string][] = [
        ["system.uri", parts.systemUri ?? uriOfParts(parts.customTag)],
        ["system.registry", parts.registry],
        ["system.repo", parts.repo],
        ["system.k8sDistribution", parts.k8sDistribution],
        ["system.osName", parts.osName],
        ["system.peVersion", parts.peVersion],
        ["system.customTag", parts.customTag],
        ["system.osVersion", parts.osVersion],
    ];
    return [
        "pack:",
        "  content:",
        "    images:",
        `      - image: "{{${OPTIONS}.system.uri}}"`,
        "options:",
        // Quoted, all of them: 24.04 is a number to YAML, and a digest's digits can be one.
        ...values.map(([key, value]) => `  ${key}: ${JSON.stringify(value)}`),
        "",
    ].join("\n");
}

/** Without a tag of one's own there is no dash for it either, unlike in what CanvOS prints. */
function uriOfParts(customTag: string): string {
    const option = (name: string): string => `{{ ${OPTIONS}.system.${name} }}`;
    const tag = [
        option("k8sDistribution"),
        "{{ .spectro.system.kubernetes.version }}",
        option("peVersion"),
        ...(customTag === "" ? [] : [option("customTag")]),
    ];
    return `${option("registry")}/${option("repo")}:${tag.join("-")}`;
}
