/** When a record was made, in milliseconds. Current services write UTC without a zone, older ones with one. */
export function createdAt({ created }: { readonly created: string }): number {
    return Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/.test(created) ? created : `${created}Z`);
}
