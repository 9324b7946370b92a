import { type Changed, type ImageChangelog, isUnchanged } from "./changelog";
import { bulletList, markdownCode, markdownText } from "./markdown";

const MOST = 500;

/** A changelog for people, in Markdown; `most` entries a list. */
export function changelogMarkdown(changelog: ImageChangelog, most = MOST): string {
    const { from, to, image, kernels, packages, units, boot, partitions, notCompared } = changelog;
    const title = `## Changes from ${markdownText(from)} to ${markdownText(to)}`;
    if (isUnchanged(changelog)) {
        const except = notCompared.length > 0 ? ` (not compared: ${notCompared.join(", ")})` : "";
        return `${title}\n\nNothing that is compared has changed${except}.\n`;
    }
    const named = ({ name, version }: { name: string; version: string }): string =>
        `${markdownCode(name)} ${markdownText(version)}`;
    const codes = (names: readonly string[]): string[] => names.map(markdownCode);
    const sections: [title: string, lines: string[]][] = [
        ["Image", image.map(changed)],
        ["Kernels added", codes(kernels.added)],
        ["Kernels removed", codes(kernels.removed)],
        [`Packages upgraded (${packages.upgraded.length})`, packages.upgraded.map(changed)],
        [`Packages downgraded (${packages.downgraded.length})`, packages.downgraded.map(changed)],
        [`Packages added (${packages.added.length})`, packages.added.map(named)],
        [`Packages removed (${packages.removed.length})`, packages.removed.map(named)],
        ["Units now started at boot", codes(units.enabled)],
        ["Units no longer started at boot", codes(units.noLongerEnabled)],
        ["Units now masked", codes(units.masked)],
        ["Units no longer masked", codes(units.noLongerMasked)],
        ["Boot chain", changes(boot)],
        ["Partitions", changes(partitions)],
        ["Not compared", notCompared.map(markdownText)],
    ];
    const texts = sections
        .filter(([, lines]) => lines.length > 0)
        .map(([heading, lines]) => [`### ${heading}`, "", ...bulletList(lines, most)].join("\n"));
    return `${[title, ...texts].join("\n\n")}\n`;
}

/** One line: `12 packages upgraded, 1 added, kernel 6.8.0-45-generic added`. */
export function changelogSummary(changelog: ImageChangelog): string {
    if (isUnchanged(changelog)) return "nothing that is compared has changed";
    const { packages, kernels, units, boot, partitions, image } = changelog;
    const count = (list: readonly unknown[], text: string): string[] =>
        list.length > 0 ? [`${list.length} ${text}`] : [];
    return [
        ...kernels.added.map((version) => `kernel ${version} added`),
        ...kernels.removed.map((version) => `kernel ${version} removed`),
        ...count(packages.upgraded, "packages upgraded"),
        ...count(packages.downgraded, "packages downgraded"),
        ...count(packages.added, "packages added"),
        ...count(packages.removed, "packages removed"),
        ...count(Object.values(units).flat(), "changes of units"),
        ...count(Object.values(boot).flat(), "changes of the boot chain"),
        ...count(Object.values(partitions).flat(), "changes of partitions"),
        ...count(image, "changes of the image"),
    ].join(", ");
}

function changed({ name, from, to }: Changed): string {
    return `${markdownCode(name)} ${markdownText(from)} → ${markdownText(to)}`;
}

function changes({ added, removed, changed: both }: ImageChangelog["boot"]): string[] {
    return [
        ...added.map((name) => `${markdownCode(name)} added`),
        ...removed.map((name) => `${markdownCode(name)} removed`),
        ...both.map(changed),
    ];
}
