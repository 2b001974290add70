// Command istio-analyze is `istioctl analyze` of files alone, without its blind spot: there, --use-kube=false leaves out
// Services, Deployments and Namespaces, and with them each check that a destination is there.
//
// It prints JSON: the messages, and the names of the analyzers that were run and left out.
package main

import (
	"encoding/json"
	"flag"
	"log"
	"os"

	"istio.io/istio/pkg/config/analysis/analyzers"
	"istio.io/istio/pkg/config/analysis/diag"
	"istio.io/istio/pkg/config/analysis/local"
)

type report struct {
	Messages diag.Messages `json:"messages"`
	Executed []string      `json:"executed"`
	Skipped  []string      `json:"skipped"`
}

func main() {
	mesh := flag.String("mesh-config", "", "a file with the mesh's configuration")
	flag.Parse()
	found, err := analyze(*mesh, flag.Args())
	if err != nil {
		log.Fatal(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		log.Fatal(err)
	}
}

func analyze(mesh string, files []string) (report, error) {
	analyzer := local.NewIstiodAnalyzer(analyzers.AllCombined(), "", "istio-system", nil)
	if mesh != "" {
		if err := analyzer.AddFileKubeMeshConfig(mesh); err != nil {
			return report{}, err
		}
	}
	var readers []local.ReaderSource
	for _, name := range files {
		file, err := os.Open(name)
		if err != nil {
			return report{}, err
		}
		defer file.Close()
		readers = append(readers, local.ReaderSource{Name: name, Reader: file})
	}
	// The name is Istio's: it is how all kinds are read from files.
	if err := analyzer.AddTestReaderKubeSource(readers); err != nil {
		return report{}, err
	}
	if err := analyzer.AddDefaultResources(); err != nil {
		return report{}, err
	}
	result, err := analyzer.Analyze(make(chan struct{}))
	return report{result.Messages, result.ExecutedAnalyzers, result.SkippedAnalyzers}, err
}
