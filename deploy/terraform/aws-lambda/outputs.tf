output "function_name" {
  description = "To call it by hand: aws lambda invoke --function-name NAME /dev/stdout"
  value       = aws_lambda_function.this.function_name
}

output "function_role_arn" {
  description = "Who writes to the bucket, for policies of the bucket or its key."
  value       = aws_iam_role.function.arn
}

output "log_group" {
  description = "Where the function's log is."
  value       = aws_cloudwatch_log_group.this.name
}
