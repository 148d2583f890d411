/** A repository of the stand-in. */
export interface StandInRepository {
  readonly id: number;
  /** `owner/name`; `rename` changes it. */
  fullName: string;
  /** The bare repository. */
  readonly path: string;
  readonly defaultBranch: string;
}

const TIME = '2026-01-02T03:04:05Z';

function ownerDocument(apiUrl: string, host: string, login: string): Record<string, unknown> {
  const user = `${apiUrl}/users/${login}`;
  return {
    login,
    id: 7,
    node_id: 'O_7',
    avatar_url: `https://avatars.${host}/u/7`,
    gravatar_id: '',
    url: user,
    html_url: `https://${host}/${login}`,
    followers_url: `${user}/followers`,
    following_url: `${user}/following{/other_user}`,
    gists_url: `${user}/gists{/gist_id}`,
    starred_url: `${user}/starred{/owner}{/repo}`,
    subscriptions_url: `${user}/subscriptions`,
    organizations_url: `${user}/orgs`,
    repos_url: `${user}/repos`,
    events_url: `${user}/events{/privacy}`,
    received_events_url: `${user}/received_events`,
    type: 'Organization',
    site_admin: false,
  };
}

/** What `GET /repos/{owner}/{repo}` answers. */
export function repositoryDocument(
  apiUrl: string,
  host: string,
  { id, fullName, defaultBranch }: StandInRepository,
): Record<string, unknown> {
  const [owner = '', name = ''] = fullName.split('/');
  const api = `${apiUrl}/repos/${fullName}`;
  const html = `https://${host}/${fullName}`;
  const below = (path: string): string => `${api}/${path}`;
  return {
    id,
    node_id: `R_${id}`,
    name,
    full_name: fullName,
    owner: ownerDocument(apiUrl, host, owner),
    private: true,
    html_url: html,
    description: null,
    fork: false,
    url: api,
    archive_url: below('{archive_format}{/ref}'),
    assignees_url: below('assignees{/user}'),
    blobs_url: below('git/blobs{/sha}'),
    branches_url: below('branches{/branch}'),
    collaborators_url: below('collaborators{/collaborator}'),
    comments_url: below('comments{/number}'),
    commits_url: below('commits{/sha}'),
    compare_url: below('compare/{base}...{head}'),
    contents_url: below('contents/{+path}'),
    contributors_url: below('contributors'),
    deployments_url: below('deployments'),
    downloads_url: below('downloads'),
    events_url: below('events'),
    forks_url: below('forks'),
    git_commits_url: below('git/commits{/sha}'),
    git_refs_url: below('git/refs{/sha}'),
    git_tags_url: below('git/tags{/sha}'),
    hooks_url: below('hooks'),
    issue_comment_url: below('issues/comments{/number}'),
    issue_events_url: below('issues/events{/number}'),
    issues_url: below('issues{/number}'),
    keys_url: below('keys{/key_id}'),
    labels_url: below('labels{/name}'),
    languages_url: below('languages'),
    merges_url: below('merges'),
    milestones_url: below('milestones{/number}'),
    notifications_url: below('notifications{?since,all,participating}'),
    pulls_url: below('pulls{/number}'),
    releases_url: below('releases{/id}'),
    stargazers_url: below('stargazers'),
    statuses_url: below('statuses/{sha}'),
    subscribers_url: below('subscribers'),
    subscription_url: below('subscription'),
    tags_url: below('tags'),
    teams_url: below('teams'),
    trees_url: below('git/trees{/sha}'),
    clone_url: `${html}.git`,
    git_url: `git://${host}/${fullName}.git`,
    ssh_url: `git@${host}:${fullName}.git`,
    svn_url: html,
    default_branch: defaultBranch,
    forks: 0,
    forks_count: 0,
    has_issues: true,
    has_projects: true,
    has_wiki: true,
    has_pages: false,
    has_discussions: false,
    homepage: null,
    language: null,
    license: null,
    archived: false,
    disabled: false,
    mirror_url: null,
    open_issues: 0,
    open_issues_count: 0,
    size: 1,
    stargazers_count: 0,
    watchers: 0,
    watchers_count: 0,
    network_count: 0,
    subscribers_count: 0,
    pushed_at: TIME,
    created_at: TIME,
    updated_at: TIME,
  };
}
