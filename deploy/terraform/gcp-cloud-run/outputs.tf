output "job_name" {
  description = "To run it by hand: gcloud run jobs execute NAME --region REGION --wait"
  value       = google_cloud_run_v2_job.this.name
}

output "job_service_account" {
  description = "Who writes to the bucket."
  value       = google_service_account.job.email
}
