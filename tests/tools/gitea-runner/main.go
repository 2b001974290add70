// A runner of Gitea Actions, on this machine itself: Gitea's protocol, and Gitea's own act, which its runner
// is made of (that runner's module is on no module proxy). It takes one job at a time until it is stopped.
//
//	gitea-runner URL FOLDER <registration-token
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	runnerv1 "code.gitea.io/actions-proto-go/runner/v1"
	"code.gitea.io/actions-proto-go/runner/v1/runnerv1connect"
	"connectrpc.com/connect"
	"github.com/nektos/act/pkg/common"
	"github.com/nektos/act/pkg/model"
	"github.com/nektos/act/pkg/runner"
	log "github.com/sirupsen/logrus"
	"go.yaml.in/yaml/v4"
	"google.golang.org/protobuf/types/known/timestamppb"
)

const (
	label = "ubuntu-latest"
	pause = 200 * time.Millisecond
)

type client struct {
	runnerv1connect.RunnerServiceClient
	url, uuid, token string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log.SetOutput(io.Discard) // what a job prints goes to Gitea
	if err := serve(ctx, strings.TrimSuffix(os.Args[1], "/"), os.Args[2]); err != nil && ctx.Err() == nil {
		slog.Error("the runner ends", "error", err)
		os.Exit(1)
	}
}

func serve(ctx context.Context, url, folder string) error {
	secret, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	c := &client{url: url}
	c.RunnerServiceClient = runnerv1connect.NewRunnerServiceClient(
		http.DefaultClient, url+"/api/actions", connect.WithInterceptors(connect.UnaryInterceptorFunc(c.signed)),
	)
	made, err := c.Register(ctx, connect.NewRequest(&runnerv1.RegisterRequest{
		Name: "tests", Token: strings.TrimSpace(string(secret)), Version: "v0.2.13", Labels: []string{label},
	}))
	if err != nil {
		return fmt.Errorf("registering: %w", err)
	}
	c.uuid, c.token = made.Msg.Runner.Uuid, made.Msg.Runner.Token
	declared := &runnerv1.DeclareRequest{Version: "v0.2.13", Labels: []string{label}}
	if _, err := c.Declare(ctx, connect.NewRequest(declared)); err != nil {
		return fmt.Errorf("declaring: %w", err)
	}
	for ctx.Err() == nil {
		found, err := c.FetchTask(ctx, connect.NewRequest(&runnerv1.FetchTaskRequest{}))
		if err == nil && found.Msg.Task != nil {
			err = c.work(ctx, found.Msg.Task, folder)
		}
		if err != nil && ctx.Err() == nil {
			slog.Warn("a task", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	return nil
}

func (c *client) signed(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, request connect.AnyRequest) (connect.AnyResponse, error) {
		if c.uuid != "" {
			request.Header().Set("x-runner-uuid", c.uuid)
			request.Header().Set("x-runner-token", c.token)
		}
		return next(ctx, request)
	}
}

// work runs one job, and tells Gitea its log, its outputs and how it ended.
func (c *client) work(ctx context.Context, task *runnerv1.Task, folder string) error {
	out := &journal{state: &runnerv1.TaskState{Id: task.Id, StartedAt: timestamppb.Now()}}
	outputs, err := c.run(ctx, task, folder, out)
	if err != nil {
		out.say("the job ended: " + err.Error())
	}
	if out.state.Result == runnerv1.Result_RESULT_UNSPECIFIED {
		out.state.Result = runnerv1.Result_RESULT_FAILURE
	}
	out.state.StoppedAt = timestamppb.Now()
	out.say("") // Gitea keeps a log only when its last part has a line
	last := context.WithoutCancel(ctx)
	rows := &runnerv1.UpdateLogRequest{TaskId: task.Id, Rows: out.rows, NoMore: true}
	if _, err := c.UpdateLog(last, connect.NewRequest(rows)); err != nil {
		return fmt.Errorf("sending the log: %w", err)
	}
	ended := &runnerv1.UpdateTaskRequest{State: out.state, Outputs: outputs}
	if _, err := c.UpdateTask(last, connect.NewRequest(ended)); err != nil {
		return fmt.Errorf("sending the result: %w", err)
	}
	return nil
}

func (c *client) run(ctx context.Context, task *runnerv1.Task, folder string, out *journal) (map[string]string, error) {
	workflow, id, err := job(task)
	if err != nil {
		return nil, err
	}
	plan, err := model.CombineWorkflowPlanner(workflow).PlanJob(id)
	if err != nil {
		return nil, err
	}
	for number := range workflow.GetJob(id).Steps {
		out.state.Steps = append(out.state.Steps, &runnerv1.StepState{Id: int64(number)})
	}
	fields := task.Context.Fields
	text := func(name string) string { return fields[name].GetStringValue() }
	preset := &model.GithubContext{
		Event: fields["event"].GetStructValue().AsMap(), EventName: text("event_name"),
		RunID: text("run_id"), RunNumber: text("run_number"), Actor: text("actor"),
		Repository: text("repository"), RepositoryOwner: text("repository_owner"), Token: text("token"),
		Sha: text("sha"), Ref: text("ref"), RefName: text("ref_name"), RefType: text("ref_type"),
		HeadRef: text("head_ref"), BaseRef: text("base_ref"), RetentionDays: text("retention_days"),
	}
	for _, name := range []string{"GITEA_TOKEN", "GITHUB_TOKEN"} {
		if token := task.Secrets[name]; token != "" {
			preset.Token = token
			break
		}
	}
	event, err := json.Marshal(preset.Event)
	if err != nil {
		return nil, err
	}
	runs, err := runner.New(&runner.Config{
		Workdir:               filepath.Join(folder, fmt.Sprint(task.Id), filepath.Base(preset.Repository)),
		ActionCacheDir:        filepath.Join(folder, "actions"),
		LogOutput:             true,
		Env:                   map[string]string{"GITEA_ACTIONS": "true"},
		Secrets:               task.Secrets,
		Vars:                  task.Vars,
		GitHubInstance:        c.url,
		DefaultActionInstance: text("gitea_default_actions_url"),
		AutoRemove:            true,
		NoSkipCheckout:        true,
		PresetGitHubContext:   preset,
		EventJSON:             string(event),
		PlatformPicker:        func([]string) string { return "-self-hosted" },
	})
	if err != nil {
		return nil, err
	}
	out.hidden = strings.NewReplacer(pairs(task.Secrets, preset.Token)...)
	logged := runner.WithJobLoggerFactory(common.WithLoggerHook(ctx, out), quiet{})
	err = runs.NewPlanExecutor(plan)(logged)
	return workflow.GetJob(id).Outputs, err
}

// job is the task's one job, in a workflow that has the jobs it needs as they ended.
func job(task *runnerv1.Task) (*model.Workflow, string, error) {
	workflow, err := model.ReadWorkflow(strings.NewReader(string(task.WorkflowPayload)))
	if err != nil {
		return nil, "", err
	}
	ids := workflow.GetJobIDs()
	if len(ids) != 1 {
		return nil, "", fmt.Errorf("a task has one job, not %v", ids)
	}
	needs := yaml.Node{Kind: yaml.SequenceNode}
	for id, need := range task.Needs {
		result := strings.ToLower(strings.TrimPrefix(need.Result.String(), "RESULT_"))
		workflow.Jobs[id] = &model.Job{Outputs: need.Outputs, Result: result}
		needs.Content = append(needs.Content, &yaml.Node{Kind: yaml.ScalarNode, Value: id})
	}
	workflow.Jobs[ids[0]].RawNeeds = needs
	return workflow, ids[0], nil
}

func pairs(secrets map[string]string, token string) []string {
	found := []string{}
	for _, secret := range secrets {
		if secret != "" {
			found = append(found, secret, "***")
		}
	}
	if token != "" {
		found = append(found, token, "***")
	}
	return found
}

// journal collects what act logs, as Gitea wants it.
type journal struct {
	mutex  sync.Mutex
	rows   []*runnerv1.LogRow
	state  *runnerv1.TaskState
	hidden *strings.Replacer
}

func (j *journal) Levels() []log.Level { return log.AllLevels }

func (j *journal) Fire(entry *log.Entry) error {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	index := len(j.rows)
	raw, _ := entry.Data["raw_output"].(bool)
	if raw || entry.Level <= log.InfoLevel {
		line := strings.TrimRight(j.hidden.Replace(entry.Message), "\r\n")
		j.rows = append(j.rows, &runnerv1.LogRow{Time: timestamppb.New(entry.Time), Content: line})
	}
	if ended, ok := result(entry.Data["jobResult"]); ok && entry.Data["stage"] != "Main" {
		j.state.Result = ended
	}
	number, ok := entry.Data["stepNumber"].(int)
	if !ok || number >= len(j.state.Steps) || entry.Data["stage"] != "Main" {
		return nil
	}
	step := j.state.Steps[number]
	if step.StartedAt == nil {
		step.StartedAt, step.LogIndex = timestamppb.New(entry.Time), int64(index)
	}
	step.LogLength = int64(len(j.rows)) - step.LogIndex
	inner, _ := entry.Data["stepID"].([]string)
	if ended, ok := result(entry.Data["stepResult"]); ok && len(inner) < 2 {
		step.Result, step.StoppedAt = ended, timestamppb.New(entry.Time)
	}
	return nil
}

func (j *journal) say(line string) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.rows = append(j.rows, &runnerv1.LogRow{Time: timestamppb.Now(), Content: line})
}

func result(value any) (runnerv1.Result, bool) {
	found, ok := runnerv1.Result_value["RESULT_"+strings.ToUpper(fmt.Sprint(value))]
	return runnerv1.Result(found), value != nil && ok
}

// quiet lets the hook alone have what is logged.
type quiet struct{}

func (quiet) WithJobLogger() *log.Logger {
	logger := log.New()
	logger.SetOutput(io.Discard)
	logger.SetLevel(log.TraceLevel)
	return logger
}
