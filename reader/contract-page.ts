import { type Tree, writeHtml } from "./write-html";

/** The parts of openapi.json that the page shows. */
export interface Contract {
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

interface Operation {
  readonly summary: string;
  readonly description?: string;
  readonly parameters?: readonly { name: string; in: string; description?: string }[];
  readonly responses: Readonly<Record<string, Response>>;
}

interface Response {
  readonly description: string;
  readonly content?: Readonly<Record<string, { readonly schema: Schema }>>;
}

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
}

/** The contract as a page to read: HTML alone, no script, with the page's own style-sheet. */
export function writeContractPage({ info, paths, components }: Contract): string {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => operationView(path, method, operation)),
  );
  const schemas = Object.entries(components.schemas).map(([name, schema]) => schemaView(name, schema));
  const head = element("head", {}, [element("title", {}, [`${info.title} · API`])]);
  const body = element("body", {}, [
    element("main", { class: "column contract" }, [
      element("h1", {}, [`${info.title}: the HTTP API, ${info.version}`]),
      element("p", {}, [info.description, " ", link("/openapi.json", "As OpenAPI"), " · ", link("/", "To the page")]),
      ...operations,
      element("h2", {}, ["What the answers hold"]),
      ...schemas,
    ]),
  ]);
  // Elements without an end tag are not the writer's; they are the same for every contract.
  const fixed =
    '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">' +
    '<link rel="icon" href="/page/icon.svg"><link rel="stylesheet" href="/page/page.css">';
  const written = writeHtml(element("html", { lang: "en" }, [head, body]));
  return `<!doctype html>\n${written.replace("<head>", `<head>${fixed}`)}\n`;
}

function operationView(path: string, method: string, { summary, description, parameters, responses }: Operation): Tree {
  return element("section", {}, [
    element("h2", {}, [element("code", {}, [`${method.toUpperCase()} ${path}`])]),
    element("p", {}, [summary]),
    ...(description ? [element("p", {}, [description])] : []),
    ...(parameters
      ? [
          table(
            ["parameter", "in", "meaning"],
            parameters.map((each) => [each.name, each.in, each.description ?? ""]),
          ),
        ]
      : []),
    table(
      ["status", "meaning", "content"],
      Object.entries(responses).map(([status, response]) => [status, response.description, contentOf(response)]),
    ),
  ]);
}

function contentOf({ content = {} }: Response): string {
  const words = Object.entries(content).map(([type, { schema }]) => {
    const name = schema.$ref?.split("/").at(-1);
    return name ? `${type}: ${name}` : type;
  });
  return words.join(", ");
}

function schemaView(name: string, { description, properties = {}, required = [] }: Schema): Tree {
  const rows = Object.entries(properties).map(([field, schema]) => [
    field,
    [schema.$ref?.split("/").at(-1) ?? schema.type ?? "", required.includes(field) ? "" : "optional"]
      .flat()
      .filter(Boolean)
      .join(", "),
    [schema.description ?? "", schema.enum?.join(", ") ?? ""].filter(Boolean).join(" "),
  ]);
  return element("section", {}, [
    element("h3", {}, [name]),
    ...(description ? [element("p", {}, [description])] : []),
    table(["field", "type", "meaning"], rows),
  ]);
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): Tree {
  const written = element("table", {}, [
    element("thead", {}, [
      element(
        "tr",
        {},
        head.map((cell) => element("th", { scope: "col" }, [cell])),
      ),
    ]),
    element(
      "tbody",
      {},
      rows.map((row) =>
        element(
          "tr",
          {},
          row.map((cell) => element("td", {}, [cell])),
        ),
      ),
    ),
  ]);
  // Names are not broken: what is too wide is scrolled, by keys, too.
  return element("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": head.join(", ") }, [written]);
}

function link(href: string, text: string): Tree {
  return element("a", { href }, [text]);
}

function element(name: string, attributes: Tree["attributes"], children: Tree["children"]): Tree {
  return { name, attributes, children };
}
