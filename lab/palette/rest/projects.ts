import type { Call } from "./call";

export function list({ service, query }: Call): object {
    const name = query.get("name");
    const found = service.store.projects.filter((project) => name === null || project.name === name);
    return { items: found.map((project) => ({ metadata: { ...project } })) };
}
