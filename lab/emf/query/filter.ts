import { EmfError } from "../errors";
import type { Column, Kind } from "../inventory/columns";
import { enumValues } from "../inventory/enums";
import { KINDS, snakeCase } from "../inventory/kinds";
import type { AnyRow, FieldValue } from "../inventory/rows";
import type { EmfStore } from "../store";
import { parseFilter, type Expression } from "./filterParser";

/** Whether a row is wanted; undefined is SQL's NULL: neither the row nor its negation is. */
export type Predicate = (row: AnyRow) => boolean | undefined;

type Comparison = (value: FieldValue | undefined) => boolean | undefined;

/** What a path leads to, over any number of edges. */
type Target = { readonly edges: readonly Step[] } & (
    { readonly type: "column"; readonly name: string; readonly column: Column } | { readonly type: "edge" }
);

interface Step {
    readonly kind: Kind;
    readonly edge: string;
}

/** How deep a path may go. */
const MAX_DEPTH = 5;

/** The columns every table has. */
const COMMON_COLUMNS: Readonly<Record<string, Column>> = {
    resourceId: { type: "string" },
    tenantId: { type: "string" },
    createdAt: { type: "string" },
    updatedAt: { type: "string" },
};

/**
 * The rows of `kind` that a request's filter asks for, within the project. The filter is checked as a whole before any
 * row is looked at.
 */
export function compileFilter(store: EmfStore, kind: Kind, tenantId: string, filter: string): Predicate {
    // The project's own condition is put in front as text, as EMF does it; that shapes what the parser accepts.
    const expression = parseFilter(`tenant_id = "${tenantId}" AND (${filter})`);
    return new Compiler(store, kind).condition(expression);
}

class Compiler {
    constructor(
        private readonly store: EmfStore,
        private readonly kind: Kind,
    ) {}

    condition(expression: Expression): Predicate {
        switch (expression.type) {
            case "and":
                return both(this.condition(expression.left), this.condition(expression.right));
            case "or":
                return not(both(not(this.condition(expression.left)), not(this.condition(expression.right))));
            case "not":
                return not(this.condition(expression.operand));
            case "compare":
                return this.#comparison(expression);
            case "call":
                return this.#has(expression.name, expression.args);
            case "path":
                return this.#flag(expression.names);
            default:
                throw invalid("no matching overload found for a constant");
        }
    }

    #comparison({ operator, left, right }: Expression & { type: "compare" }): Predicate {
        if (operator === ":") throw invalid("unexpected number of arguments to `has` expression: 2");
        if (left.type !== "path") throw invalid("no matching overload found for calling '='");
        const target = this.#resolve(left.names);
        if (target.type === "edge") throw invalid("no matching overload found for calling '='");
        const matches = this.#operator(target.column, right);
        return this.#through(target.edges, (row) => matches(row[target.name]));
    }

    /** The comparison with a value, which has to be of the column's type. */
    #operator(column: Column, right: Expression): Comparison {
        if (right.type === "string" && column.type === "string") return contains(right.value);
        if (right.type === "number" && column.type === "integer" && Number.isInteger(right.value)) {
            return (value) => (value === undefined ? undefined : value === right.value);
        }
        if (right.type === "path" && right.names.length === 1)
            return this.#constant(column, right.names[0] ?? "");
        throw invalid(`no matching overload found for calling '=' with ${right.type}`);
    }

    #constant(column: Column, name: string): Comparison {
        if (column.type === "boolean" && (name === "true" || name === "false")) {
            // An unset flag counts as false, since the inventory never stores false.
            return (value) => (value === true) === (name === "true");
        }
        if (column.type === "enum" && name === "null") return (value) => value === undefined;
        // Constants are compared like texts: POWER_STATE_RESET finds POWER_STATE_RESET_REPEAT, too.
        if (column.enumName !== undefined && enumValues(column.enumName).includes(name))
            return contains(name);
        const other = column.type === "string" ? this.#tryResolve([name]) : undefined;
        if (other?.type === "column" && other.column.type === "string") return contains(snakeCase(name));
        throw invalid(`undeclared identifier '${name}'`);
    }

    #has(name: string, args: readonly Expression[]): Predicate {
        if (name !== "has") throw invalid(`undeclared function '${name}'`);
        const [argument] = args;
        if (args.length !== 1 || argument?.type !== "path")
            throw invalid("no matching overload found for 'has'");
        const target = this.#resolve(argument.names);
        if (target.type !== "edge") throw invalid("no matching overload found for calling 'has'");
        return this.#through(target.edges, () => true);
    }

    /** A flag alone. EMF looks only at whether there is something at the other end of its edges. */
    #flag(names: readonly string[]): Predicate {
        const name = names.join(".");
        if (name === "true" || name === "false")
            throw new EmfError("Unimplemented", `${name} not implemented`);
        const target = this.#resolve(names);
        if (target.type !== "column" || target.column.type !== "boolean") {
            throw invalid("no matching overload found for calling 'AND'");
        }
        if (target.edges.length === 0) throw new EmfError("Unimplemented", `${name} not implemented`);
        return this.#through(target.edges, () => true);
    }

    #through(edges: readonly Step[], predicate: Predicate): Predicate {
        return edges.reduceRight<Predicate>(
            (inner, { kind, edge }) =>
                (row) =>
                    this.store.follow(kind, row, edge).some((next) => inner(next) === true),
            predicate,
        );
    }

    #resolve(names: readonly string[]): Target {
        const target = this.#tryResolve(names);
        if (!target) throw invalid(`undeclared identifier '${names.join(".")}'`);
        return target;
    }

    #tryResolve(names: readonly string[]): Target | undefined {
        if (names.length > MAX_DEPTH) return undefined;
        const edges: Step[] = [];
        let kind = this.kind;
        for (const [index, name] of names.entries()) {
            const column = findName({ ...COMMON_COLUMNS, ...KINDS[kind].columns }, name);
            if (column) {
                return index === names.length - 1
                    ? { type: "column", name: column[0], column: column[1], edges }
                    : undefined;
            }
            const edge = findName(KINDS[kind].edges, name);
            if (!edge) return undefined;
            edges.push({ kind, edge: edge[0] });
            kind = edge[1].kind;
        }
        return { type: "edge", edges };
    }
}

/** A definition by its name in camel or snake case. */
function findName<T>(definitions: Readonly<Record<string, T>>, name: string): [string, T] | undefined {
    return Object.entries(definitions).find(([camel]) => camel === name || snakeCase(camel) === name);
}

/** The text match of EMF: anywhere in the value, in any case, `*` for anything; "" finds what is unset. */
function contains(pattern: string): Comparison {
    if (pattern === "") return (value) => value === undefined || value === "";
    const parts = pattern
        .toLowerCase()
        .split("*")
        .map((part) => part.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&"));
    const regex = new RegExp(parts.join(".*"), "s");
    return (value) => (typeof value === "string" ? regex.test(value.toLowerCase()) : undefined);
}

function both(left: Predicate, right: Predicate): Predicate {
    return (row) => {
        const first = left(row);
        if (first === false) return false;
        const second = right(row);
        return second === false ? false : first === undefined || second === undefined ? undefined : true;
    };
}

function not(predicate: Predicate): Predicate {
    return (row) => {
        const result = predicate(row);
        return result === undefined ? undefined : !result;
    };
}

function invalid(reason: string): EmfError {
    return new EmfError("InvalidArgument", `check call expr: check call expr: ${reason}`);
}
