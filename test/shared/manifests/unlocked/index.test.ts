import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { gapsOf, localsOf, packagesOf, read } from '../reading.ts';

const json = (value: unknown): string => JSON.stringify(value);

describe('unlocked', () => {
  it('reads a package.json: exact versions are packages, everything else has a reason', async () => {
    const content = await read(
      'web/package.json',
      json({
        name: 'shop',
        dependencies: {
          left: '1.3.0',
          right: '^1.0.0',
          latest: 'latest',
          alias: 'npm:@acme/real@2.0.0',
          wide: 'npm:other@^2',
          ours: 'workspace:*',
          near: 'file:../near',
          forked: 'acme/forked#main',
          cloned: 'git+https://git.example/cloned.git',
          packed: 'https://files.example/packed.tgz',
          odd: 7,
        },
        devDependencies: { tool: 'v3.1.4-rc.1', shared: 'catalog:' },
        peerDependencies: { peer: '>=1', may: '*' },
        peerDependenciesMeta: { may: { optional: true } },
      }),
    );
    expect(packagesOf(content)).toEqual(['@acme/real@2.0.0', 'left@1.3.0', 'tool@3.1.4-rc.1']);
    expect(content.packages.map(({ isDevelopment }) => isDevelopment)).toEqual([false, false, true]);
    expect(gapsOf(content)).toEqual([
      'unresolved right ^1.0.0',
      'unresolved latest latest',
      'unresolved other ^2',
      'unsupported forked acme/forked#main',
      'unsupported cloned git+https://git.example/cloned.git',
      'unsupported packed https://files.example/packed.tgz',
      'unresolved odd 7',
      'unresolved shared catalog:',
      'unresolved peer >=1',
    ]);
    expect(content.gaps[0]?.reason).toBe('no lock file says which version is installed');
    expect(localsOf(content)).toEqual(['ours workspace:*', 'near file:../near']);
    expect(content.warnings).toEqual(['there is no lock file: what its packages bring in is not known']);
  });

  it('reads a Cargo.toml, of a package and of a workspace, for every platform', async () => {
    const content = await read(
      'Cargo.toml',
      `[package]
name = "shop"
[workspace.dependencies]
shared = "1"
[dependencies]
serde = { version = "=1.0.200", features = ["derive"] }
rand = "0.8"
near = { path = "../near", version = "1" }
forked = { git = "https://git.example/forked" }
shared = { workspace = true }
renamed = { package = "real-name", version = "2" }
[build-dependencies]
cc = "=1.0.90"
[dev_dependencies]
old-spelling = "1"
[target.'cfg(windows)'.dependencies]
winapi = "0.3"
`,
    );
    expect(packagesOf(content)).toEqual(['cc@1.0.90', 'serde@1.0.200']);
    expect(gapsOf(content)).toEqual([
      'unresolved rand 0.8',
      'unsupported forked https://git.example/forked',
      'unresolved real-name 2',
      'unresolved old-spelling 1',
      'unresolved shared 1',
      'unresolved winapi 0.3',
    ]);
    expect(localsOf(content)).toEqual(['near ../near']);
  });

  it('reads a pyproject.toml as the standards write it, and as uv and PDM do', async () => {
    const content = await read(
      'pyproject.toml',
      `[project]
dependencies = ["flask==3.0.0 ; python_version > '3.8'", "six>=1", "bare", "ours", "direct @ https://files.example/direct.whl", "=="]
[project.optional-dependencies]
extra = ["requests~=2.0"]
[dependency-groups]
test = ["pytest==8.0.0", {include-group = "lint"}]
[tool.uv.sources]
ours = { workspace = true }
[tool.pdm.dev-dependencies]
lint = ["ruff"]
`,
    );
    expect(packagesOf(content)).toEqual(['flask@3.0.0', 'pytest@8.0.0']);
    expect(gapsOf(content)).toEqual([
      'unresolved six >=1',
      'unresolved bare',
      'unsupported direct https://files.example/direct.whl',
      'unresolved == ==',
      'unresolved requests ~=2.0',
      'unresolved ruff',
    ]);
    expect(localsOf(content)).toHaveLength(1);
  });

  it("reads Poetry's tables: a bare version is that version, and a list is one request for each platform", async () => {
    const content = await read(
      'pyproject.toml',
      `[tool.poetry.dependencies]
python = "^3.10"
exact = "1.2.3"
pinned = {version = "==2.0"}
range = "^1.2.3"
two = [{version = "1.0", python = "<3.8"}, {version = "^2.0", python = ">=3.8"}]
near = {path = "../near"}
forked = {git = "https://git.example/forked"}
[tool.poetry.group.dev.dependencies]
black = "24.1.0"
`,
    );
    expect(packagesOf(content)).toEqual(['black@24.1.0', 'exact@1.2.3', 'pinned@2.0', 'two@1.0']);
    expect(gapsOf(content)).toEqual(['unresolved range ^1.2.3', 'unresolved two ^2.0', 'unsupported forked https://git.example/forked']);
    expect(localsOf(content)).toEqual(['near ../near']);
  });

  it('reads a Pipfile, every category of it', async () => {
    const content = await read(
      'Pipfile',
      `[[source]]
url = "https://pypi.registry.example/simple"
name = "pypi"
[packages]
flask = "==3.0.0"
six = "*"
[dev-packages]
pytest = {version = "==8.0.0"}
[docs]
sphinx = "*"
[requires]
python_version = "3.12"
`,
    );
    expect(packagesOf(content)).toEqual(['flask@3.0.0', 'pytest@8.0.0']);
    expect(gapsOf(content)).toEqual(['unresolved six *', 'unresolved sphinx *']);
  });

  it('reads a composer.json, without PHP and its extensions', async () => {
    const content = await read(
      'composer.json',
      json({
        require: { php: '>=8', 'ext-json': '*', 'Acme/Exact': '1.2.3', 'acme/range': '^1.0' },
        'require-dev': { 'acme/branch': 'dev-main' },
      }),
    );
    expect(packagesOf(content)).toEqual(['acme/exact@1.2.3']);
    expect(gapsOf(content)).toEqual(['unresolved acme/range ^1.0', 'unresolved acme/branch dev-main']);
  });

  it('reads a pubspec.yaml', async () => {
    const content = await read(
      'pubspec.yaml',
      'name: shop\ndependencies:\n  flutter:\n    sdk: flutter\n  exact: 1.2.3\n  any:\n  range: ^1.0.0\n  near:\n    path: ../near\n  forked:\n    git: https://git.example/forked\ndev_dependencies:\n  lints: 3.0.0\n',
    );
    expect(packagesOf(content)).toEqual(['exact@1.2.3', 'lints@3.0.0']);
    expect(gapsOf(content)).toEqual(['unresolved any', 'unresolved range ^1.0.0', 'unsupported forked https://git.example/forked']);
    expect(localsOf(content)).toEqual(['flutter flutter', 'near ../near']);
  });

  it('reads the lines of a Gemfile that ask for gems', async () => {
    const content = await read(
      'Gemfile',
      `source 'https://gems.registry.example'
gem 'rails', '7.1.0'
gem "pg", "~> 1.5", ">= 1.5.2"
gem('puma')
# gem 'commented', '1.0.0'
group :test do
  gem 'rspec', '= 3.13.0', require: false
end
gem 'near', path: '../near'
gem 'forked', github: 'acme/forked'
`,
    );
    expect(packagesOf(content)).toEqual(['rails@7.1.0', 'rspec@3.13.0']);
    expect(gapsOf(content)).toEqual(['unresolved pg "~> 1.5", ">= 1.5.2"', 'unresolved puma', 'unsupported forked acme/forked']);
    expect(localsOf(content)).toEqual(['near ../near']);
  });

  it.each([
    ['setup.py', "setup(install_requires=['six'])", 'setup()'],
    ['setup.cfg', '[options]\ninstall_requires =\n  six\n', '[flake8]\n'],
    ['mix.exs', 'defp deps do\n [{:jason, "~> 1.0"}]\nend', 'defp deps, do: []'],
    ['rebar.config', '{deps, [jsx]}.', '{deps, []}.'],
    ['Package.swift', '.package(url: "https://git.example/a", from: "1.0.0")', 'let package = Package(name: "a")'],
    ['Podfile', "target 'a' do\n  pod 'AFNetworking'\nend", "target 'a' do\nend"],
    ['build.gradle', "dependencies {\n  implementation 'a:b:1'\n}", "plugins {\n  id 'java'\n}"],
    ['build.gradle.kts', 'dependencies {\n  testImplementation("a:b:1")\n}', 'tasks.test { useJUnitPlatform() }'],
  ])('says of %s, a program, that it asks for something, and only where it does', async (path, asking, asksForNothing) => {
    expect(gapsOf(await read(path, asking))).toEqual([`unresolved ${path}`]);
    expect(gapsOf(await read(path, asksForNothing))).toEqual([]);
  });

  it.each([
    ['package.json', '{"name": {{ name }}}'],
    ['package.json', '[]'],
    ['package.json', '{"dependencies": ["left"]}'],
    ['Cargo.toml', '[dependencies'],
    ['pyproject.toml', '{% if a %}'],
    ['pubspec.yaml', '- a'],
    ['composer.json', '\0'],
  ])('makes one gap of a %s that cannot be read: %j', async (path, text) => {
    const content = await read(path, text);
    expect(gapsOf(content)).toEqual([`unresolved ${path}`]);
    expect(content.gaps[0]?.reason).toMatch(/^not read, and no lock file says what it brings in: ./);
  });

  it('leaves no request of a package.json out', async () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}$/);
    const spec = fc.oneof(
      fc.string().filter((text) => !text.trim().startsWith('npm:')),
      fc.constantFrom('1.0.0', '^1', 'file:a', '', 'a/b'),
    );
    await fc.assert(
      fc.asyncProperty(fc.dictionary(name, spec), async (dependencies) => {
        const { packages, gaps, locals } = await read('package.json', json({ dependencies }));
        expect([...packages, ...gaps, ...locals].map((entry) => entry.name).sort()).toEqual(Object.keys(dependencies).sort());
      }),
    );
  });
});
